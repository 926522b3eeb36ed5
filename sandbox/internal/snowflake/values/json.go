package values

import (
	"bytes"
	"encoding/json"
	"errors"
	"sort"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// PrintJSON prints a VARIANT: indented lines, or one line for an indent of 0.
func PrintJSON(text string, indent int) (string, error) {
	compact, err := CanonicalJSON(text)
	if err != nil || indent == 0 {
		return compact, err
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, []byte(compact), "", strings.Repeat(" ", indent)); err != nil {
		return "", err
	}
	return buf.String(), nil
}

// CanonicalJSON returns a VARIANT on one line as Snowflake prints it: the keys of objects
// are sorted, and numbers with an exponent, which are DOUBLEs, have fifteen digits after
// the point.
func CanonicalJSON(text string) (string, error) {
	s := &jsonScanner{in: text}
	out, err := s.value(0)
	if err != nil {
		return "", err
	}
	s.space()
	if s.i != len(text) {
		return "", errJSON
	}
	return out, nil
}

var errJSON = errors.New("malformed JSON")

// maxJSONDepth bounds the recursion.
const maxJSONDepth = 1000

type jsonScanner struct {
	in string
	i  int
}

func (s *jsonScanner) space() {
	for s.i < len(s.in) && strings.IndexByte(" \t\r\n", s.in[s.i]) >= 0 {
		s.i++
	}
}

func (s *jsonScanner) accept(c byte) bool {
	s.space()
	if s.i < len(s.in) && s.in[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *jsonScanner) value(depth int) (string, error) {
	s.space()
	if s.i >= len(s.in) || depth > maxJSONDepth {
		return "", errJSON
	}
	switch s.in[s.i] {
	case '{':
		return s.object(depth)
	case '[':
		return s.array(depth)
	case '"':
		return s.text()
	}
	start := s.i
	for s.i < len(s.in) && strings.IndexByte(",]} \t\r\n", s.in[s.i]) < 0 {
		s.i++
	}
	return printNumber(s.in[start:s.i]), nil
}

func (s *jsonScanner) text() (string, error) {
	start := s.i
	for s.i++; s.i < len(s.in); s.i++ {
		switch s.in[s.i] {
		case '\\':
			s.i++
		case '"':
			s.i++
			return s.in[start:s.i], nil
		}
	}
	return "", errJSON
}

func (s *jsonScanner) array(depth int) (string, error) {
	s.i++
	if s.accept(']') {
		return "[]", nil
	}
	var items []string
	for {
		item, err := s.value(depth + 1)
		if err != nil {
			return "", err
		}
		items = append(items, item)
		if s.accept(']') {
			return "[" + strings.Join(items, ",") + "]", nil
		}
		if !s.accept(',') {
			return "", errJSON
		}
	}
}

func (s *jsonScanner) object(depth int) (string, error) {
	s.i++
	if s.accept('}') {
		return "{}", nil
	}
	members := map[string]string{}
	for {
		s.space()
		if s.i >= len(s.in) || s.in[s.i] != '"' {
			return "", errJSON
		}
		key, err := s.text()
		if err != nil || !s.accept(':') {
			return "", errJSON
		}
		value, err := s.value(depth + 1)
		if err != nil {
			return "", err
		}
		members[key] = value
		if s.accept('}') {
			break
		}
		if !s.accept(',') {
			return "", errJSON
		}
	}
	keys := make([]string, 0, len(members))
	for key := range members {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for i, key := range keys {
		keys[i] = key + ":" + members[key]
	}
	return "{" + strings.Join(keys, ",") + "}", nil
}

func printNumber(token string) string {
	if !strings.ContainsAny(token, "eE") || len(token) > 0 && token[0] != '-' && !sqltext.IsDigit(token[0]) {
		return token
	}
	v, err := strconv.ParseFloat(token, 64)
	if err != nil {
		return token
	}
	return VariantDouble(v)
}

// VariantDouble prints a DOUBLE inside a VARIANT, where it always has an exponent.
func VariantDouble(v float64) string { return strconv.FormatFloat(v, 'e', 15, 64) }

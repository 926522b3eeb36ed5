package mapping

import (
	"bytes"

	"tapline.dev/libs/jsonstring"
)

// kind is what a JSON value is.
type kind uint8

const (
	kindAbsent kind = iota // the row has no such column
	kindNull
	kindFalse
	kindTrue
	kindNumber
	kindText
	kindObject
	kindArray
)

// token is one JSON value inside a row. Raw is the value as it is written; of a
// text it is what stands between the quotes, escapes and all.
type token struct {
	kind    kind
	escaped bool
	raw     []byte
}

// maxDepth is encoding/json's own limit on nesting.
const maxDepth = 10000

// rowScanner walks the members of one JSON object. It takes what encoding/json
// takes and copies nothing.
type rowScanner struct {
	b     []byte
	i     int
	first bool
}

// open reads up to and including the brace.
func (s *rowScanner) open() bool {
	s.i = skipBlanks(s.b, 0)
	if s.i >= len(s.b) || s.b[s.i] != '{' {
		return false
	}
	s.i++
	s.first = true
	return true
}

// next reads one member. More is false after the last one, ok is false when the
// row is not JSON. If the member begins with head, a name with its quotes and its colon,
// as the extractor writes it, known is true and the key is not read.
func (s *rowScanner) next(head []byte) (key, value token, known, more, ok bool) {
	b, i := s.b, skipBlanks(s.b, s.i)
	if i >= len(b) {
		return token{}, token{}, false, false, false
	}
	if b[i] == '}' && s.first {
		return token{}, token{}, false, false, s.close(i + 1)
	}
	if !s.first {
		switch b[i] {
		case '}':
			return token{}, token{}, false, false, s.close(i + 1)
		case ',':
			i = skipBlanks(b, i+1)
		default:
			return token{}, token{}, false, false, false
		}
	}
	s.first = false
	if len(head) > 0 && bytes.HasPrefix(b[i:], head) {
		value, s.i, ok = scanValue(b, skipBlanks(b, i+len(head)), 1)
		return token{}, value, true, ok, ok
	}
	if i >= len(b) || b[i] != '"' {
		return token{}, token{}, false, false, false
	}
	end, escaped, ok := skipText(b, i+1)
	if !ok {
		return token{}, token{}, false, false, false
	}
	key = token{kind: kindText, escaped: escaped, raw: b[i+1 : end]}
	i = skipBlanks(b, end+1)
	if i >= len(b) || b[i] != ':' {
		return token{}, token{}, false, false, false
	}
	value, s.i, ok = scanValue(b, skipBlanks(b, i+1), 1)
	return key, value, false, ok, ok
}

// close reports whether nothing but blanks follows.
func (s *rowScanner) close(i int) bool { return skipBlanks(s.b, i) == len(s.b) }

// parseToken reads a text that is one JSON value.
func parseToken(b []byte) (token, bool) {
	t, i, ok := scanValue(b, skipBlanks(b, 0), 0)
	return t, ok && skipBlanks(b, i) == len(b)
}

func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// scanValue reads the value that starts at i and returns where it ends.
func scanValue(b []byte, i, depth int) (token, int, bool) {
	if i >= len(b) {
		return token{}, i, false
	}
	switch c := b[i]; {
	case c == '"':
		end, escaped, ok := skipText(b, i+1)
		if !ok {
			return token{}, i, false
		}
		return token{kind: kindText, escaped: escaped, raw: b[i+1 : end]}, end + 1, true
	case c == '-' || c >= '0' && c <= '9':
		end, ok := skipNumber(b, i)
		return token{kind: kindNumber, raw: b[i:end]}, end, ok
	case c == 'n':
		return word(b, i, "null", kindNull)
	case c == 't':
		return word(b, i, "true", kindTrue)
	case c == 'f':
		return word(b, i, "false", kindFalse)
	case c == '{':
		end, ok := skipObject(b, i, depth+1)
		return token{kind: kindObject, raw: b[i:end]}, end, ok
	case c == '[':
		end, ok := skipArray(b, i, depth+1)
		return token{kind: kindArray, raw: b[i:end]}, end, ok
	}
	return token{}, i, false
}

func word(b []byte, i int, text string, k kind) (token, int, bool) {
	end := i + len(text)
	if end > len(b) || string(b[i:end]) != text {
		return token{}, i, false
	}
	return token{kind: k, raw: b[i:end]}, end, true
}

// skipText returns where the closing quote of a text is; i is after the opening.
func skipText(b []byte, i int) (end int, escaped, ok bool) {
	for {
		i = jsonstring.Special(b, i)
		if i >= len(b) {
			return i, escaped, false
		}
		switch b[i] {
		case '"':
			return i, escaped, true
		case '\\':
			escaped = true
			n := escapeLen(b[i:])
			if n == 0 {
				return i, escaped, false
			}
			i += n
		default:
			return i, escaped, false // a control character
		}
	}
}

// escapeLen is the length of the escape that b starts with, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), b[1]) < 0 {
			return 0
		}
		return 2
	}
	if _, ok := hex4(b); !ok {
		return 0
	}
	return 6
}

func skipNumber(b []byte, i int) (int, bool) {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else {
		start := i
		if i = skipDigits(b, i); i == start {
			return i, false
		}
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = skipDigits(b, start); i == start {
			return i, false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = skipDigits(b, i); i == start {
			return i, false
		}
	}
	return i, true
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

func skipObject(b []byte, i, depth int) (int, bool) {
	if depth > maxDepth {
		return i, false
	}
	i = skipBlanks(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return i, false
		}
		end, _, ok := skipText(b, i+1)
		if !ok {
			return i, false
		}
		i = skipBlanks(b, end+1)
		if i >= len(b) || b[i] != ':' {
			return i, false
		}
		if _, i, ok = scanValue(b, skipBlanks(b, i+1), depth); !ok {
			return i, false
		}
		i = skipBlanks(b, i)
		if i >= len(b) || b[i] != ',' {
			return i + 1, i < len(b) && b[i] == '}'
		}
		i = skipBlanks(b, i+1)
	}
}

func skipArray(b []byte, i, depth int) (int, bool) {
	if depth > maxDepth {
		return i, false
	}
	i = skipBlanks(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, true
	}
	for {
		var ok bool
		if _, i, ok = scanValue(b, i, depth); !ok {
			return i, false
		}
		i = skipBlanks(b, i)
		if i >= len(b) || b[i] != ',' {
			return i + 1, i < len(b) && b[i] == ']'
		}
		i = skipBlanks(b, i+1)
	}
}

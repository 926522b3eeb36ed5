package rules

import (
	"encoding/json"
	"errors"
)

// maxDepth bounds recursion over hostile input.
const maxDepth = 64

var errJSON = errors.New("malformed JSON")

// Scanner walks JSON text without building values: an upload of a thousand
// records is checked in one pass and no allocation, which keeps the sandbox
// cheap when a loader is measured against it.
type Scanner struct {
	B []byte
	i int
}

func (s *Scanner) space() {
	for s.i < len(s.B) {
		switch s.B[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// accept skips blanks and then c, and says whether c was there.
func (s *Scanner) accept(c byte) bool {
	s.space()
	if s.i < len(s.B) && s.B[s.i] == c {
		s.i++
		return true
	}
	return false
}

// Value returns the raw text of the next value, which it checks whole.
func (s *Scanner) Value() ([]byte, error) {
	s.space()
	start := s.i
	if err := s.skip(0); err != nil {
		return nil, err
	}
	return s.B[start:s.i], nil
}

// key returns the raw text of an object key with its quotes and skips the colon.
func (s *Scanner) key() ([]byte, error) {
	s.space()
	start := s.i
	if err := s.skipString(); err != nil {
		return nil, err
	}
	raw := s.B[start:s.i]
	if !s.accept(':') {
		return nil, errJSON
	}
	return raw, nil
}

// object calls member for each key of the object at the cursor. The callback
// consumes the value.
func (s *Scanner) object(member func(key []byte) error) error {
	if !s.accept('{') {
		return errJSON
	}
	if s.accept('}') {
		return nil
	}
	for {
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if s.accept(',') {
			continue
		}
		if s.accept('}') {
			return nil
		}
		return errJSON
	}
}

// Array calls element for each element of the array at the cursor. The
// callback consumes the value.
func (s *Scanner) Array(element func() error) error {
	if !s.accept('[') {
		return errJSON
	}
	if s.accept(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.accept(',') {
			continue
		}
		if s.accept(']') {
			return nil
		}
		return errJSON
	}
}

func (s *Scanner) skip(depth int) error {
	s.space()
	if s.i >= len(s.B) || depth > maxDepth {
		return errJSON
	}
	switch c := s.B[s.i]; {
	case c == '"':
		return s.skipString()
	case c == '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case c == '[':
		return s.Array(func() error { return s.skip(depth + 1) })
	case c == 't':
		return s.skipWord("true")
	case c == 'f':
		return s.skipWord("false")
	case c == 'n':
		return s.skipWord("null")
	default:
		return s.skipNumber()
	}
}

func (s *Scanner) skipWord(word string) error {
	if len(s.B)-s.i < len(word) || string(s.B[s.i:s.i+len(word)]) != word {
		return errJSON
	}
	s.i += len(word)
	return nil
}

func (s *Scanner) skipString() error {
	if s.i >= len(s.B) || s.B[s.i] != '"' {
		return errJSON
	}
	s.i++
	for s.i < len(s.B) {
		switch c := s.B[s.i]; {
		case c == '"':
			s.i++
			return nil
		case c == '\\':
			if err := s.skipEscape(); err != nil {
				return err
			}
		case c < 0x20:
			return errJSON
		default:
			s.i++
		}
	}
	return errJSON
}

func (s *Scanner) skipEscape() error {
	if s.i+1 >= len(s.B) {
		return errJSON
	}
	switch s.B[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return nil
	case 'u':
		if s.i+6 > len(s.B) {
			return errJSON
		}
		for _, c := range s.B[s.i+2 : s.i+6] {
			if !isHex(c) {
				return errJSON
			}
		}
		s.i += 6
		return nil
	default:
		return errJSON
	}
}

func (s *Scanner) skipNumber() error {
	if s.i < len(s.B) && s.B[s.i] == '-' {
		s.i++
	}
	whole := s.digits()
	if whole == 0 || (whole > 1 && s.B[s.i-whole] == '0') {
		return errJSON
	}
	if s.i < len(s.B) && s.B[s.i] == '.' {
		s.i++
		if s.digits() == 0 {
			return errJSON
		}
	}
	if s.i < len(s.B) && (s.B[s.i] == 'e' || s.B[s.i] == 'E') {
		s.i++
		if s.i < len(s.B) && (s.B[s.i] == '+' || s.B[s.i] == '-') {
			s.i++
		}
		if s.digits() == 0 {
			return errJSON
		}
	}
	return nil
}

func (s *Scanner) digits() int {
	start := s.i
	for s.i < len(s.B) && s.B[s.i] >= '0' && s.B[s.i] <= '9' {
		s.i++
	}
	return s.i - start
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// Chars returns the characters of a raw JSON string; ok is false for any other
// kind of value. Only a string with escapes is copied.
func Chars(raw []byte) (chars []byte, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, false
	}
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c != '\\' {
			continue
		}
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil, false
		}
		return []byte(s), true
	}
	return inner, true
}

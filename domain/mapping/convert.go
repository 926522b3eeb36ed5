package mapping

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"tapline.dev/libs/jsonstring"
)

// converter appends a value as CleverTap gets it: JSON, quoted if it is a text.
type converter func(p *property, dst []byte, t token, s *scratch) ([]byte, fault)

// textOf returns t as text: what a JSON string means, or any other value as it
// is written.
func textOf(t token, s *scratch) ([]byte, bool) {
	if !t.escaped {
		return t.raw, true
	}
	var ok bool
	s.text, ok = appendUnescaped(s.text[:0], t.raw)
	return s.text, ok
}

var badText = fault{codeTypeMismatch, "the value is not a valid text"}

func convertString(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	text, ok := textOf(t, s)
	if !ok {
		return dst, badText
	}
	return appendLimited(dst, text, t)
}

// appendLimited quotes a text of at most 512 bytes. A string without escapes is
// copied as it stands in the row.
func appendLimited(dst, text []byte, t token) ([]byte, fault) {
	if len(text) > maxValueBytes {
		return dst, fault{codeValueTooLong, "the text is longer than 512 bytes"}
	}
	if t.escaped || t.kind == kindObject || t.kind == kindArray {
		return jsonstring.Append(dst, text), fault{}
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"'), fault{}
}

func convertInteger(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	switch t.kind {
	case kindNumber:
		return appendInteger(dst, t.raw, true)
	case kindText:
		if text, ok := textOf(t, s); ok {
			return appendInteger(dst, text, false)
		}
	}
	return dst, notWhole
}

func convertFloat(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	start := len(dst)
	out, f := dst, notNumber
	switch t.kind {
	case kindNumber:
		out, f = appendFloat(dst, t.raw, true)
	case kindText:
		if text, ok := textOf(t, s); ok {
			out, f = appendFloat(dst, text, false)
		}
	}
	if f.none() && len(out)-start > maxValueBytes {
		return dst, fault{codeValueTooLong, "the number has more than 512 digits"}
	}
	return out, f
}

func convertBoolean(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	return appendBoolean(dst, t, s, fault{codeTypeMismatch, "the value is none of 0, 1, true and false"})
}

func appendBoolean(dst []byte, t token, s *scratch, bad fault) ([]byte, fault) {
	switch t.kind {
	case kindTrue, kindFalse:
		return append(dst, t.raw...), fault{}
	case kindNumber, kindText:
		text, ok := textOf(t, s)
		if !ok {
			return dst, bad
		}
		if isWord(text, "1") || isWord(text, "true") {
			return append(dst, "true"...), fault{}
		}
		if isWord(text, "0") || isWord(text, "false") {
			return append(dst, "false"...), fault{}
		}
	}
	return dst, bad
}

// isWord compares without regard to the case of ASCII letters.
func isWord(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

func convertDate(p *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	text, ok := textOf(t, s)
	if !ok {
		return dst, badText
	}
	seconds, f := p.date.seconds(t, text)
	if !f.none() {
		return dst, f
	}
	return appendDate(dst, seconds), fault{}
}

// convertByForm is for rows whose columns are not known: a value's JSON form
// decides as its column's type would.
func convertByForm(p *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	switch t.kind {
	case kindNumber:
		if !bytes.ContainsAny(t.raw, ".eE") {
			return convertInteger(p, dst, t, s)
		}
		return convertFloat(p, dst, t, s)
	case kindTrue, kindFalse:
		return convertBoolean(p, dst, t, s)
	case kindObject, kindArray:
		if !p.nested {
			return dst, fault{codeTypeMismatch, "the value is an object or a list; the account takes none, or the mapping names no type"}
		}
		return convertNested(p, dst, t, s)
	}
	return convertString(p, dst, t, s)
}

// hash replaces the JSON that a converter appended after start by the sha256 of
// the text that would have been sent.
func hash(dst []byte, start int, s *scratch) ([]byte, fault) {
	text := dst[start:]
	if text[0] == '"' {
		var ok bool
		if s.text, ok = appendUnescaped(s.text[:0], text[1:len(text)-1]); !ok {
			return dst, badText
		}
		text = s.text
	}
	sum := sha256.Sum256(text)
	dst = append(dst[:start], '"')
	dst = hex.AppendEncode(dst, sum[:])
	return append(dst, '"'), fault{}
}

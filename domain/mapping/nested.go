package mapping

import (
	"bytes"
	"unicode/utf8"

	"tapline.dev/libs/jsonstring"
)

// maxNesting is how many levels CleverTap keeps; a property's own object is the
// first.
const maxNesting = 3

func convertObject(p *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	if t.kind != kindObject {
		return dst, fault{codeTypeMismatch, "the value is not an object"}
	}
	return convertNested(p, dst, t, s)
}

func convertArray(p *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	if t.kind != kindArray {
		return dst, fault{codeTypeMismatch, "the value is not a list"}
	}
	return convertNested(p, dst, t, s)
}

// convertNested copies an object or a list without blanks, checking names,
// texts and depth on the way.
func convertNested(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	out, _, f := appendNested(dst, t.raw, 0, 0, s)
	return out, f
}

// appendNested copies the value that starts at i and returns where it ends.
func appendNested(dst, b []byte, i, depth int, s *scratch) ([]byte, int, fault) {
	open := b[i]
	if open != '{' && open != '[' {
		t, end, _ := scanValue(b, i, 0)
		out, f := appendLeaf(dst, t, s)
		return out, end, f
	}
	if depth == maxNesting {
		return dst, i, fault{codeNestedInvalid, "the value is nested deeper than 3 levels"}
	}
	closing := open + 2 // } and ] stand two after { and [
	dst = append(dst, open)
	i = skipBlanks(b, i+1)
	for first := true; b[i] != closing; first = false {
		if !first {
			dst = append(dst, ',')
			i = skipBlanks(b, i+1)
		}
		var f fault
		if open == '{' {
			if dst, i, f = appendKey(dst, b, i, s); !f.none() {
				return dst, i, f
			}
		}
		if dst, i, f = appendNested(dst, b, i, depth+1, s); !f.none() {
			return dst, i, f
		}
		i = skipBlanks(b, i)
	}
	return append(dst, closing), i + 1, fault{}
}

func appendKey(dst, b []byte, i int, s *scratch) ([]byte, int, fault) {
	key, end, _ := scanValue(b, i, 0)
	text, ok := textOf(key, s)
	if !ok || len(bytes.TrimSpace(text)) == 0 || len(text) > maxNameBytes || !utf8.Valid(text) || bytes.ContainsAny(text, prohibited) {
		return dst, i, fault{codeNestedInvalid, "a name inside the value is empty, too long or has a prohibited character"}
	}
	dst = append(jsonstring.Append(dst, text), ':')
	i = skipBlanks(b, end)
	return dst, skipBlanks(b, i+1), fault{}
}

func appendLeaf(dst []byte, t token, s *scratch) ([]byte, fault) {
	switch t.kind {
	case kindText:
		text, ok := textOf(t, s)
		if !ok {
			return dst, badText
		}
		return appendLimited(dst, text, t)
	case kindNumber:
		return appendReadable(dst, t.raw)
	}
	return append(dst, t.raw...), fault{}
}

package mapping

import (
	"bytes"
	"unicode/utf8"
)

// maxIdentityChars is CleverTap's limit for an identity and a CleverTap ID.
const maxIdentityChars = 1024

// IdentityKey appends the identity as CleverTap will get it: the text of an
// identity column's raw JSON value, without quotes and escapes. This text is the
// key of the row and the key of its record; no other function makes either key.
// A value that can be no identity (NULL, a fraction, a list) appends nothing.
//
// The text is neither trimmed nor folded: what is sent is what the row holds.
func IdentityKey(dst, raw []byte) []byte {
	t, ok := parseToken(raw)
	if !ok || !utf8.Valid(raw) {
		return dst
	}
	out, f := appendIdentity(dst, t)
	if !f.none() {
		return dst
	}
	return out
}

// Identity is a row's key, and false if the row has none.
func (m *Mapping) Identity(row []byte) ([]byte, bool) {
	s := newScratch(len(m.columns.names))
	if f := m.read(row, s); !f.none() {
		return nil, false
	}
	key, f := appendIdentity(nil, s.tokens[m.identity])
	return key, f.none()
}

// appendIdentity writes the identity's text, unquoted.
func appendIdentity(dst []byte, t token) ([]byte, fault) {
	switch t.kind {
	case kindAbsent, kindNull:
		return dst, fault{codeIdentityMissing, "the identity is NULL"}
	case kindText:
		if !t.escaped {
			return append(dst, t.raw...), fault{}
		}
		out, ok := appendUnescaped(dst, t.raw)
		if !ok {
			return dst, fault{codeTypeMismatch, "the identity is not a valid text"}
		}
		return out, fault{}
	case kindNumber:
		if !bytes.ContainsAny(t.raw, ".eE") {
			return append(dst, t.raw...), fault{}
		}
	}
	return dst, fault{codeTypeMismatch, "the identity is neither a text nor a whole number"}
}

// checkIdentity applies CleverTap's rules to an identity's text. They look at
// the trimmed text without regard to case, but what is sent stays as it is.
func checkIdentity(text []byte, cleverTapID bool) fault {
	trimmed := bytes.TrimSpace(text)
	switch {
	case len(trimmed) == 0:
		return fault{codeIdentityMissing, "the identity is empty"}
	case deniedIdentity(trimmed):
		return fault{codeIdentityDenied, "the identity is a placeholder that CleverTap refuses, such as null or 0"}
	case hasUnseen(text, unseenInKey):
		return unseenFault("the identity", text, unseenInKey)
	case len(text) > maxIdentityChars && utf8.RuneCount(text) > maxIdentityChars:
		return fault{codeIdentityTooLong, "the identity is longer than 1,024 characters"}
	case cleverTapID && bytes.ContainsRune(text, ' '):
		return fault{codeCleverTapIDInvalid, "the CleverTap ID contains a blank"}
	}
	return fault{}
}

// maxDeniedLen is the length of the longest denied identity.
const maxDeniedLen = len("-infinity")

func deniedIdentity(trimmed []byte) bool {
	if len(trimmed) > maxDeniedLen {
		return false
	}
	var folded [maxDeniedLen]byte
	for i, c := range trimmed {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		folded[i] = c
	}
	switch string(folded[:len(trimmed)]) {
	case "undefined", "null", "na", "n/a", "0", "nil", "-1", "infinity", "-infinity",
		"inf", "-inf", "nan", "-nan", "empty", "xxxxxx":
		return true
	}
	return false
}

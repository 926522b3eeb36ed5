package mapping

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Two values that look the same can differ in invisible characters. Which of
// these a field accepts depends on what the field is for. An identity or an
// address accepts none. A name may hold joiners, without which some languages
// (Persian, Hindi) and emoji cannot be written. Free text is sent as it is,
// except for characters that change the order of other text.

// unseenSet reports whether a character has no place in a field.
type unseenSet func(r rune) bool

// unseenInKey is for identities, addresses and whatever is compared as a whole.
func unseenInKey(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Zs, r) && r != ' '
}

const (
	zeroWidthNonJoiner = 0x200C
	zeroWidthJoiner    = 0x200D
)

// unseenInName is for names of events and properties.
func unseenInName(r rune) bool {
	return r != zeroWidthNonJoiner && r != zeroWidthJoiner && unseenInKey(r)
}

// turnsText is for the names of people. It finds characters that change the
// direction of the text that follows, and NUL.
func turnsText(r rune) bool {
	return r == 0 || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// unseen finds the first character of a text that a field does not take.
func unseen(text []byte, set unseenSet) (rune, bool) {
	for i, c := range text {
		if c >= ' ' && c < 0x7F {
			continue
		}
		if r, n := utf8.DecodeRune(text[i:]); n > 0 && utf8.RuneStart(c) && set(r) {
			return r, true
		}
	}
	return 0, false
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func hasUnseen(text []byte, set unseenSet) bool {
	_, found := unseen(text, set)
	return found
}

// unseenFault names the character by its number, because the character itself is
// invisible.
func unseenFault(what string, text []byte, set unseenSet) fault {
	r, _ := unseen(text, set)
	return fault{codeCharacterRefused, fmt.Sprintf("%s contains %U, which nobody sees", what, r)}
}

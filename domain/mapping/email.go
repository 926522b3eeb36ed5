package mapping

import "unicode/utf8"

const (
	maxEmailBytes = 254
	maxLocalBytes = 64
	maxLabelBytes = 63
)

// validEmail takes a local part without quotes and a domain of at least two
// labels. CleverTap publishes no pattern; mail servers accept every address that
// validEmail accepts.
func validEmail(b []byte) bool {
	at := -1
	for i, c := range b {
		if c == '@' {
			if at >= 0 {
				return false
			}
			at = i
		}
	}
	if at < 1 || at > maxLocalBytes || len(b) > maxEmailBytes {
		return false
	}
	return validLocal(b[:at]) && validDomain(b[at+1:])
}

// validLocal takes dot-atoms: no dot first, last or twice.
func validLocal(b []byte) bool {
	dot := true
	for _, c := range b {
		if c == '.' {
			if dot {
				return false
			}
			dot = true
			continue
		}
		dot = false
		if !atomByte(c) {
			return false
		}
	}
	return !dot
}

func atomByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c >= utf8.RuneSelf:
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '/', '=', '?', '^', '_', '`', '{', '|', '}', '~':
		return true
	}
	return false
}

// validDomain takes labels of letters, digits and inner hyphens; the last has
// two bytes or more and is not a number.
func validDomain(b []byte) bool {
	labels, start := 0, 0
	digitsOnly := true
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] != '.' {
			c := b[i]
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
			if !letter && c != '-' && (c < '0' || c > '9') {
				return false
			}
			digitsOnly = digitsOnly && c >= '0' && c <= '9'
			continue
		}
		label := b[start:i]
		if len(label) == 0 || len(label) > maxLabelBytes || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		labels++
		if i == len(b) {
			return labels >= 2 && len(label) >= 2 && !digitsOnly
		}
		start, digitsOnly = i+1, true
	}
	return false
}

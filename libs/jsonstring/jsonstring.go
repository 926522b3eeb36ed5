// Package jsonstring writes JSON strings.
package jsonstring

import (
	"encoding/binary"
	"math/bits"
)

const hexDigits = "0123456789ABCDEF"

// Append appends text, which is valid UTF-8, to dst as a JSON string. It escapes
// only what JSON demands: no <, > or &.
//
// The bytes must stay as they are from release to release: the extractor
// recognises a row that it has already sent by a hash of them, and would send the
// row again.
func Append(dst, text []byte) []byte {
	dst = append(dst, '"')
	for {
		i := Special(text, 0)
		dst = append(dst, text[:i]...)
		if i == len(text) {
			return append(dst, '"')
		}
		switch c := text[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		text = text[i+1:]
	}
}

// Special returns the place of the first byte of text at or after i that does not stand for
// itself in a JSON string: a quote, a backslash or a control character. It is len(text) if
// there is none.
func Special(text []byte, i int) int {
	// Eight bytes at a time: subtracting n from each byte borrows from the byte above, and
	// so sets that one's highest bit, only where a byte is below n. The lowest byte that is
	// marked is right; those above it may be marked by its borrow.
	const each, highest = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		quote, slash := w^each*'"', w^each*'\\'
		marked := ((w-each*' ')&^w | (quote-each)&^quote | (slash-each)&^slash) & highest
		if marked != 0 {
			return i + bits.TrailingZeros64(marked)/8
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

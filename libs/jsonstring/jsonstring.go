// Package jsonstring writes JSON strings.
package jsonstring

const hexDigits = "0123456789ABCDEF"

// Append appends text, which is valid UTF-8, to dst as a JSON string. It escapes
// only what JSON demands: no <, > or &.
//
// The bytes must stay as they are from release to release: the extractor
// recognises a row that it has already sent by a hash of them, and would send the
// row again.
func Append(dst, text []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
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
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"')
}

package rowjson

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"tapline.dev/libs/jsonstring"
)

// appendText writes a VARCHAR. Text that is not UTF-8 has no JSON form.
func appendText(b, s []byte) ([]byte, bool) {
	if !utf8.Valid(s) {
		return b, false
	}
	return jsonstring.Append(b, s), true
}

// appendFloat writes the shortest decimal that reads back to f. JSON has no
// word for what is not finite, so that is a string.
func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

const hexDigits = "0123456789ABCDEF"

func appendHex(b, s []byte) []byte {
	b = append(b, '"')
	for _, c := range s {
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return append(b, '"')
}

// appendNested writes the JSON text of a VARIANT, OBJECT or ARRAY without the
// blanks that Snowflake puts between tokens. Snowflake prints a hole in an
// array as undefined, which is a null, and numbers that are not finite as bare
// words, which become strings as in a FLOAT column.
func appendNested(b, s []byte) ([]byte, bool) {
	start := len(b)
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"':
			n := stringEnd(s[i:])
			if n < 0 {
				return b, false
			}
			b = append(b, s[i:i+n]...)
			i += n
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			i++
		case isWordByte(c):
			if len(b) > start && isWordByte(b[len(b)-1]) {
				return b, false // two words would become one without the blank
			}
			n := 1
			for i+n < len(s) && isWordByte(s[i+n]) {
				n++
			}
			b = appendWord(b, s[i:i+n])
			i += n
		default:
			b = append(b, c)
			i++
		}
	}
	return b, utf8.Valid(b[start:]) && json.Valid(b[start:])
}

// stringEnd is the length of the JSON string that s begins with, or -1.
func stringEnd(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'
}

func appendWord(b, word []byte) []byte {
	switch string(word) {
	case "undefined":
		return append(b, "null"...)
	case "NaN":
		return append(b, `"NaN"`...)
	case "inf", "Infinity":
		return append(b, `"Infinity"`...)
	case "-inf", "-Infinity":
		return append(b, `"-Infinity"`...)
	}
	return append(b, word...)
}

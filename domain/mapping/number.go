package mapping

import (
	"bytes"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// maxExponent bounds the exponents that are written out; beyond it nothing fits
// 64 bits.
const maxExponent = 60

// appendInteger writes a whole number of 64 bits in its canonical form, from
// the digits of a number or a text. 5.00 is 5; 5.10 is refused.
func appendInteger(dst, text []byte, isNumber bool) ([]byte, fault) {
	// Invariant 5: digits are moved as text, never through a float.
	i, negative := 0, false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		i++
	}
	start := i
	i = skipDigits(text, i)
	digits := text[start:i]
	if len(digits) == 0 {
		return dst, notWhole
	}
	if i < len(text) && text[i] == '.' {
		fraction := i + 1
		i = skipDigits(text, fraction)
		if i == fraction {
			return dst, notWhole
		}
		if i == len(text) && !allZeros(text[fraction:i]) {
			return dst, fault{codeTypeMismatch, "the number has decimals"}
		}
	}
	if i < len(text) {
		if !isNumber {
			return dst, notWhole
		}
		return appendExponent(dst, text)
	}
	return appendDigits(dst, digits, negative)
}

var notWhole = fault{codeTypeMismatch, "the value is not a whole number"}

func allZeros(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return false
		}
	}
	return true
}

// appendDigits writes the digits if they fit 64 bits.
func appendDigits(dst, digits []byte, negative bool) ([]byte, fault) {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	if len(digits) == 1 && digits[0] == '0' {
		return append(dst, '0'), fault{}
	}
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	if len(digits) > 19 {
		return dst, beyond64
	}
	var n uint64
	for _, c := range digits {
		n = n*10 + uint64(c-'0')
	}
	if n > limit {
		return dst, beyond64
	}
	if negative {
		dst = append(dst, '-')
	}
	return append(dst, digits...), fault{}
}

var beyond64 = fault{codeOutOfRange, "the number is beyond 64 bits"}

// appendExponent writes a number such as 1.5e3, which only a FLOAT column has.
func appendExponent(dst, text []byte) ([]byte, fault) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(text)), "e")
	n, err := strconv.Atoi(exponent)
	if err != nil || n > maxExponent {
		return dst, beyond64
	}
	if n < -maxExponent || len(mantissa) > 10*maxExponent {
		return dst, fault{codeTypeMismatch, "the number has decimals"}
	}
	r, ok := new(big.Rat).SetString(string(text))
	if !ok {
		return dst, notWhole
	}
	if !r.IsInt() {
		return dst, fault{codeTypeMismatch, "the number has decimals"}
	}
	return appendDigits(dst, []byte(new(big.Int).Abs(r.Num()).String()), r.Sign() < 0)
}

// maxPlainDigits is how many digits surely stay below the largest float64.
const maxPlainDigits = 300

// appendFloat writes a number with the digits that it has.
func appendFloat(dst, text []byte, isNumber bool) ([]byte, fault) {
	if isNumber {
		return appendReadable(dst, text)
	}
	start := len(dst)
	i := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			dst = append(dst, '-')
		}
		i++
	}
	whole := i
	i = skipDigits(text, i)
	digits := text[whole:i]
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	if len(digits) == 0 {
		digits = []byte{'0'} // .5 is 0.5
	}
	number := len(dst)
	dst = append(append(dst, digits...), text[i:]...)
	if i == whole && (i >= len(text) || text[i] != '.') {
		return dst[:start], noNumber(text)
	}
	if end, ok := skipNumber(dst, number); !ok || end != len(dst) {
		return dst[:start], noNumber(text)
	}
	out, f := appendReadable(dst[:number], slices.Clone(dst[number:]))
	if !f.none() {
		return dst[:start], f
	}
	return out, fault{}
}

// appendReadable appends a JSON number in a form that every parser reads, with
// the digits that it has. Some parsers fail on an exponent of 20 digits.
func appendReadable(dst, text []byte) ([]byte, fault) {
	if len(text) <= maxPlainDigits && !hasExponent(text) {
		return append(dst, text...), fault{}
	}
	if !finite(text) {
		return dst, notFinite
	}
	at := bytes.IndexAny(text, "eE")
	if at < 0 {
		return append(dst, text...), fault{}
	}
	mantissa, exponent := text[:at], text[at+1:]
	if len(bytes.Trim(mantissa, "-0.")) == 0 {
		return append(dst, mantissa...), fault{} // zero, whatever its exponent
	}
	if f, err := strconv.ParseFloat(string(text), 64); err != nil || f == 0 {
		return dst, fault{codeOutOfRange, "the number is too small for a double"}
	}
	dst = append(dst, text[:at+1]...)
	if exponent[0] == '-' || exponent[0] == '+' {
		dst = append(dst, exponent[0])
		exponent = exponent[1:]
	}
	for len(exponent) > 3 && exponent[0] == '0' {
		exponent = exponent[1:]
	}
	return append(dst, exponent...), fault{}
}

var (
	notNumber = fault{codeTypeMismatch, "the value is not a number"}
	notFinite = fault{codeOutOfRange, "the number is not finite"}
)

// finite reports whether a JSON number is within a float64.
func finite(text []byte) bool {
	if len(text) <= maxPlainDigits && !hasExponent(text) {
		return true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return err == nil && !math.IsInf(f, 0)
}

func hasExponent(text []byte) bool {
	for _, c := range text {
		if c == 'e' || c == 'E' {
			return true
		}
	}
	return false
}

// noNumber returns the fault of a text that is no JSON number. It tells values
// that a FLOAT can hold and JSON cannot (such as NaN) from texts that are no
// number at all.
func noNumber(text []byte) fault {
	switch strings.ToLower(strings.TrimLeft(string(text), "+-")) {
	case "nan", "inf", "infinity":
		return notFinite
	}
	return notNumber
}

package rowjson

import (
	"math/bits"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

const (
	maxScale = 38
	pow19    = 10_000_000_000_000_000_000 // the largest power of ten in 64 bits
)

// appendScaled writes n / 10^scale with all its digits: 500 at scale 2 is 5.00.
func appendScaled(b []byte, n int64, scale int) []byte {
	var digits [20]byte
	if n < 0 {
		b = append(b, '-')
		// The negation of the smallest int64 is right as a uint64.
		return appendPoint(b, strconv.AppendUint(digits[:0], -uint64(n), 10), scale)
	}
	return appendPoint(b, strconv.AppendUint(digits[:0], uint64(n), 10), scale)
}

func appendDecimal128(b []byte, n decimal128.Num, scale int) []byte {
	hi, lo := uint64(n.HighBits()), n.LowBits()
	if n.Sign() < 0 {
		b = append(b, '-')
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	var digits [40]byte
	return appendPoint(b, appendUint128(digits[:0], hi, lo), scale)
}

// appendUint128 writes hi*2^64 + lo in decimal, nineteen digits at a time.
func appendUint128(b []byte, hi, lo uint64) []byte {
	if hi == 0 {
		return strconv.AppendUint(b, lo, 10)
	}
	qhi, r := bits.Div64(0, hi, pow19)
	qlo, low := bits.Div64(r, lo, pow19)
	b = appendUint128(b, qhi, qlo)
	var digits [20]byte
	tail := strconv.AppendUint(digits[:0], low, 10)
	for range 19 - len(tail) {
		b = append(b, '0')
	}
	return append(b, tail...)
}

func appendPoint(b, digits []byte, scale int) []byte {
	if scale == 0 {
		return append(b, digits...)
	}
	if len(digits) > scale {
		b = append(b, digits[:len(digits)-scale]...)
		b = append(b, '.')
		return append(b, digits[len(digits)-scale:]...)
	}
	b = append(b, '0', '.')
	for range scale - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

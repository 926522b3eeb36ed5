package rowjson

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// FuzzText: a text comes back as it was, or is refused because it is not UTF-8.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c", "\x00\x1f\x7f", "\u2028<>&", "\xff", "é\xc3", strings.Repeat("\n", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, ok := appendText([]byte("x"), []byte(s))
		if ok != utf8.ValidString(s) {
			t.Fatalf("valid %t, taken %t", utf8.ValidString(s), ok)
		}
		if !ok {
			return
		}
		var back string
		if err := json.Unmarshal(b[1:], &back); err != nil || back != s {
			t.Fatalf("%q came back as %q: %v", s, back, err)
		}
	})
}

// snowflakeWord is what Snowflake prints that JSON does not know.
var snowflakeWord = regexp.MustCompile(`undefined|NaN|inf|Infinity`)

// FuzzNested: JSON loses its blanks and nothing else. What is not JSON, but for the
// words that Snowflake prints, is refused.
func FuzzNested(f *testing.F) {
	for _, s := range []string{
		`{"a": [1, 2.50, -0, 1e5, true, null], "b c": " x \" y "}`, `[1 2]`, `[tru e]`, `[undefined, NaN, -inf, inf]`, `"a" "b"`, `[1.100000000000000e+00]`, "[]]", "\xff", `"\`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, ok := appendNested([]byte("x"), []byte(s))
		var want bytes.Buffer
		valid := utf8.ValidString(s) && json.Compact(&want, []byte(s)) == nil
		switch {
		case ok && !json.Valid(b[1:]):
			t.Fatalf("%q became %q", s, b[1:])
		case valid && (!ok || want.String() != string(b[1:])):
			t.Fatalf("%q became %q, taken %t", s, b[1:], ok)
		case ok && !valid && !snowflakeWord.MatchString(s):
			t.Fatalf("%q is not JSON and became %q", s, b[1:])
		}
	})
}

// FuzzNumber: a NUMBER has all its digits, whichever way it travels.
func FuzzNumber(f *testing.F) {
	f.Add(int64(0), uint64(0), uint8(0))
	f.Add(int64(-1), uint64(math.MaxUint64), uint8(38))
	f.Add(int64(math.MinInt64), uint64(0), uint8(37))
	f.Add(int64(5421010862427522170), uint64(687399551400673279), uint8(2)) // 38 nines
	f.Fuzz(func(t *testing.T, high int64, low uint64, scale uint8) {
		scale %= maxScale + 1
		n := new(big.Int).Lsh(big.NewInt(high), 64)
		n.Add(n, new(big.Int).SetUint64(low))
		want := new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(int(scale))
		if got := string(appendDecimal128(nil, decimal128.New(high, low), int(scale))); got != want {
			t.Fatalf("%d / 10^%d: got %s, want %s", n, scale, got, want)
		}
		small := new(big.Rat).SetFrac(big.NewInt(high), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(int(scale))
		if got := string(appendScaled(nil, high, int(scale))); got != small {
			t.Fatalf("%d / 10^%d: got %s, want %s", high, scale, got, small)
		}
	})
}

// FuzzFloat: a FLOAT is read back as the same number.
func FuzzFloat(f *testing.F) {
	for _, bits := range []uint64{0, 1, 1 << 63, math.Float64bits(0.1), math.Float64bits(1e21), math.Float64bits(math.Inf(1)), math.Float64bits(math.NaN())} {
		f.Add(bits)
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		want := math.Float64frombits(bits)
		text := appendFloat(nil, want)
		if math.IsNaN(want) || math.IsInf(want, 0) {
			if !json.Valid(text) || text[0] != '"' {
				t.Fatalf("%v became %s", want, text)
			}
			return
		}
		got, err := strconv.ParseFloat(string(text), 64)
		if err != nil || math.Float64bits(got) != bits || !json.Valid(text) {
			t.Fatalf("%v became %s", want, text)
		}
	})
}

// FuzzInstant: an instant within the years of four digits is what package time
// makes of it, and any other is refused.
func FuzzInstant(f *testing.F) {
	for _, seconds := range []int64{0, -1, minSecond, minSecond - 1, endSecond - 1, endSecond, math.MaxInt64, math.MinInt64, -12219292800} {
		f.Add(seconds, int64(999_999_999))
	}
	f.Fuzz(func(t *testing.T, seconds, nanos int64) {
		b, ok := appendInstant(nil, seconds, nanos, plainYears)
		if within := seconds >= minSecond && seconds < endSecond && nanos >= 0 && nanos < 1e9; ok != within {
			t.Fatalf("%d s and %d ns: taken %t", seconds, nanos, ok)
		}
		if !ok {
			return
		}
		if want := time.Unix(seconds, nanos).UTC().Format("2006-01-02T15:04:05.000000000"); string(b) != want {
			t.Fatalf("got %s, want %s", b, want)
		}
	})
}

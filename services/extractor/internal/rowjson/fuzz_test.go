package rowjson

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"tapline.dev/schemas"
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

// FuzzChunk: whatever a chunk holds, reading it ends with rows or with an error, and costs
// memory in proportion to its bytes.
func FuzzChunk(f *testing.F) {
	columns, good := everyKind(f)
	f.Add(good)
	f.Add(lying(f, good))
	for at := 8; at < len(good); at += len(good) / 64 {
		bad := bytes.Clone(good)
		bad[at] ^= 0xff
		f.Add(bad)
		binary.LittleEndian.PutUint32(bad[at&^3:], math.MaxInt32)
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		want, wantErr := Count(data)
		d, err := NewLooseDecoder(columns, len(columns), []bool{true, true, true, false, false})
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Rows(data, func(r *Row) (bool, error) {
			if !json.Valid(r.JSON) && r.Unreadable < 0 {
				t.Fatalf("a row became %q", r.JSON)
			}
			return true, nil
		})
		if err == nil && (wantErr != nil || got != want) {
			t.Fatalf("%d rows where %d were counted, %v", got, want, wantErr)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20+64*uint64(len(data)) {
			t.Fatalf("%d bytes were allocated for a chunk of %d", grown, len(data))
		}
	})
}

// everyKind is a chunk with a column of each way that values travel.
func everyKind(tb testing.TB) ([]schemas.Column, []byte) {
	var fields []arrow.Field
	var cols []arrow.Array
	var columns []schemas.Column
	add := func(typ string, col arrow.Array) {
		columns = append(columns, schemas.Column{Name: typ, Type: typ})
		cols, fields = append(cols, col), append(fields, arrow.Field{Name: typ, Type: col.DataType(), Nullable: true})
	}
	add("TEXT", strs([]string{"a", "bc"}, nil))
	add("FIXED", int64s([]int64{1, 2}, nil))
	add("TIME", int32s([]int32{1, 2}, nil))
	add("VARIANT", strs([]string{`{"a":1}`, `[]`}, nil))
	add("DATE", int32s([]int32{1, 2}, nil))
	return columns, chunk(tb, fields, cols)
}

// lying is the chunk with a body of two GiB announced.
func lying(tb testing.TB, good []byte) []byte {
	tb.Helper()
	body := binary.LittleEndian.AppendUint64(nil, uint64(bodyLength(tb, good)))
	bad := bytes.ReplaceAll(good, body, binary.LittleEndian.AppendUint64(nil, 2<<30))
	if bytes.Equal(bad, good) {
		tb.Fatal("the chunk does not say how long its body is")
	}
	return bad
}

// bodyLength is the length of the body of the chunk's batch.
func bodyLength(tb testing.TB, chunk []byte) (n int64) {
	tb.Helper()
	messages := ipc.NewMessageReader(bytes.NewReader(chunk))
	defer messages.Release()
	for {
		m, err := messages.Message()
		if err != nil {
			return n
		}
		n = m.BodyLen()
	}
}

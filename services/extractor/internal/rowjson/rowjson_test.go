package rowjson

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// chunk writes one IPC stream of one batch.
func chunk(t testing.TB, fields []arrow.Field, cols []arrow.Array) []byte {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
	batch := array.NewRecordBatch(schema, cols, int64(cols[0].Len()))
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func meta(kv ...string) arrow.Metadata {
	var keys, values []string
	for i := 0; i < len(kv); i += 2 {
		keys, values = append(keys, kv[i]), append(values, kv[i+1])
	}
	return arrow.NewMetadata(keys, values)
}

func build[B array.Builder](b B, fill func(B)) arrow.Array {
	fill(b)
	return b.NewArray()
}

var pool = memory.NewGoAllocator()

func structOf(names []string, cols []arrow.Array, valid []bool) arrow.Array {
	var fields []arrow.Field
	var data []arrow.ArrayData
	for i, c := range cols {
		fields = append(fields, arrow.Field{Name: names[i], Type: c.DataType(), Nullable: true})
		data = append(data, c.Data())
	}
	bits := make([]byte, (len(valid)+7)/8)
	nulls := 0
	for i, v := range valid {
		if v {
			bits[i/8] |= 1 << (i % 8)
		} else {
			nulls++
		}
	}
	return array.NewStructData(array.NewData(arrow.StructOf(fields...), len(valid),
		[]*memory.Buffer{memory.NewBufferBytes(bits)}, data, nulls, 0))
}

func int64s(values []int64, valid []bool) arrow.Array {
	return build(array.NewInt64Builder(pool), func(b *array.Int64Builder) { b.AppendValues(values, valid) })
}

func int32s(values []int32, valid []bool) arrow.Array {
	return build(array.NewInt32Builder(pool), func(b *array.Int32Builder) { b.AppendValues(values, valid) })
}

func strs(values []string, valid []bool) arrow.Array {
	return build(array.NewStringBuilder(pool), func(b *array.StringBuilder) { b.AppendValues(values, valid) })
}

func decimals(precision, scale int32, texts ...string) arrow.Array {
	return build(array.NewDecimal128Builder(pool, &arrow.Decimal128Type{Precision: precision, Scale: scale}),
		func(b *array.Decimal128Builder) {
			for _, s := range texts {
				if s == "" {
					b.AppendNull()
					continue
				}
				n, err := decimal128.FromString(s, precision, scale)
				if err != nil {
					panic(err)
				}
				b.Append(n)
			}
		})
}

func TestEveryCarrier(t *testing.T) {
	t.Parallel()
	const nines = "99999999999999999999999999999999999999"
	tests := []struct {
		name string
		col  schemas.Column
		meta arrow.Metadata
		data arrow.Array
		want []string // JSON tokens; "!" for a value without exact text
	}{
		{
			"int8 with a scale", schemas.Column{Type: "FIXED", Scale: 2}, meta("logicalType", "FIXED", "scale", "2"),
			build(array.NewInt8Builder(pool), func(b *array.Int8Builder) { b.AppendValues([]int8{-128, 0, 5, 127}, nil) }),
			[]string{"-1.28", "0.00", "0.05", "1.27"},
		},
		{
			"int16", schemas.Column{Type: "FIXED"}, meta("logicalType", "FIXED", "scale", "0"),
			build(array.NewInt16Builder(pool), func(b *array.Int16Builder) {
				b.AppendValues([]int16{-32768, 7}, []bool{true, false})
			}),
			[]string{"-32768", "null"},
		},
		{
			"int32 with the largest scale", schemas.Column{Type: "FIXED"}, meta("logicalType", "FIXED", "scale", "37"),
			int32s([]int32{-12, 2147483647}, nil),
			[]string{"-0.0000000000000000000000000000000000012", "0.0000000000000000000000000002147483647"},
		},
		{
			"int64 at its ends", schemas.Column{Type: "FIXED"}, meta("logicalType", "FIXED", "scale", "0"),
			int64s([]int64{math.MinInt64, math.MaxInt64}, nil),
			[]string{"-9223372036854775808", "9223372036854775807"},
		},
		{
			"decimal128", schemas.Column{Type: "FIXED"}, meta("logicalType", "FIXED", "precision", "38", "scale", "0"),
			decimals(38, 0, nines, "-"+nines, "10000000000000000000", "18446744073709551616", "0", ""),
			[]string{nines, "-" + nines, "10000000000000000000", "18446744073709551616", "0", "null"},
		},
		{
			"decimal128 with a scale", schemas.Column{Type: "FIXED", Scale: 4}, arrow.Metadata{},
			decimals(38, 4, "12.3", "-0.0001"), []string{"12.3000", "-0.0001"},
		},
		{
			"float", schemas.Column{Type: "REAL"}, meta("logicalType", "REAL"),
			build(array.NewFloat64Builder(pool), func(b *array.Float64Builder) {
				b.AppendValues([]float64{0.1, 1e21, 1e-7, math.Inf(1), math.Inf(-1), math.NaN(), 100, math.MaxFloat64, 5e-324}, nil)
			}),
			[]string{"0.1", "1e+21", "1e-07", `"Infinity"`, `"-Infinity"`, `"NaN"`, "100", "1.7976931348623157e+308", "5e-324"},
		},
		{
			"text", schemas.Column{Type: "TEXT"}, meta("logicalType", "TEXT"),
			strs([]string{"", "a\"\\\n\t\r\x01", "<&>é\u2028", "\xff", "x"}, []bool{true, true, true, true, false}),
			[]string{`""`, `"a\"\\\n\t\r\u0001"`, "\"<&>é\u2028\"", "!", "null"},
		},
		{
			"boolean", schemas.Column{Type: "BOOLEAN"}, arrow.Metadata{},
			build(array.NewBooleanBuilder(pool), func(b *array.BooleanBuilder) {
				b.AppendValues([]bool{true, false, false}, []bool{true, true, false})
			}),
			[]string{"true", "false", "null"},
		},
		{
			"date", schemas.Column{Type: "DATE"}, meta("logicalType", "DATE"),
			build(array.NewDate32Builder(pool), func(b *array.Date32Builder) {
				b.AppendValues([]arrow.Date32{0, -1, 20780, -719162, 2932896, -719163, 2932897, 11016}, nil)
			}),
			[]string{`"1970-01-01"`, `"1969-12-31"`, `"2026-11-23"`, `"0001-01-01"`, `"9999-12-31"`, "!", "!", `"2000-02-29"`},
		},
		{
			"time", schemas.Column{Type: "TIME", Scale: 9}, meta("logicalType", "TIME", "scale", "9"),
			int64s([]int64{0, 86399999999999, -1}, nil), []string{`"00:00:00.000000000"`, `"23:59:59.999999999"`, "!"},
		},
		{
			"ntz as an integer", schemas.Column{Type: "TIMESTAMP_NTZ"}, meta("logicalType", "TIMESTAMP_NTZ", "scale", "9"),
			int64s([]int64{-1, 1_000_000_001, 7}, []bool{true, true, false}),
			[]string{`"1969-12-31T23:59:59.999999999"`, `"1970-01-01T00:00:01.000000001"`, "null"},
		},
		{
			"ntz as seconds", schemas.Column{Type: "TIMESTAMP_NTZ"}, meta("logicalType", "TIMESTAMP_NTZ", "scale", "0"),
			int64s([]int64{minSecond, endSecond - 1, endSecond}, nil),
			[]string{`"0001-01-01T00:00:00.000000000"`, `"9999-12-31T23:59:59.000000000"`, "!"},
		},
		{
			"ntz as a struct, a NULL in each place", schemas.Column{Type: "TIMESTAMP_NTZ"}, meta("logicalType", "TIMESTAMP_NTZ", "scale", "9"),
			structOf([]string{"epoch", "fraction"}, []arrow.Array{
				int64s([]int64{-1, 253402300799, 0, 0}, []bool{true, true, true, false}),
				int32s([]int32{999999999, 999999999, 0, 0}, []bool{true, true, true, true}),
			}, []bool{true, true, false, true}),
			[]string{`"1969-12-31T23:59:59.999999999"`, `"9999-12-31T23:59:59.999999999"`, "null", "null"},
		},
		{
			"ltz", schemas.Column{Type: "TIMESTAMP_LTZ"}, meta("logicalType", "TIMESTAMP_LTZ", "scale", "3"),
			int64s([]int64{1234}, nil), []string{`"1970-01-01T00:00:01.234000000Z"`},
		},
		{
			"tz of two fields", schemas.Column{Type: "TIMESTAMP_TZ"}, meta("logicalType", "TIMESTAMP_TZ", "scale", "3"),
			structOf([]string{"epoch", "timezone"}, []arrow.Array{
				int64s([]int64{0, 1500, 0}, nil), int32s([]int32{1440 + 840, 1440 - 840, 1440}, nil),
			}, []bool{true, true, true}),
			[]string{`"1970-01-01T14:00:00.000000000+14:00"`, `"1969-12-31T10:00:01.500000000-14:00"`, `"1970-01-01T00:00:00.000000000Z"`},
		},
		{
			"tz of three fields", schemas.Column{Type: "TIMESTAMP_TZ"}, meta("logicalType", "TIMESTAMP_TZ", "scale", "9"),
			structOf([]string{"epoch", "fraction", "timezone"}, []arrow.Array{
				int64s([]int64{-1, 0}, nil), int32s([]int32{1, 0}, nil), int32s([]int32{1440 + 330, 0}, []bool{true, false}),
			}, []bool{true, true}),
			[]string{`"1970-01-01T05:29:59.000000001+05:30"`, "null"},
		},
		{
			"variant", schemas.Column{Type: "VARIANT"}, meta("logicalType", "VARIANT"),
			strs([]string{"{\n  \"a b\": [1, 2.50, \"x \\\" y\"]\n}", "[\n  undefined,\n  NaN, -inf\n]", "123456789012345678901234567890.10", "{", "nope"}, nil),
			[]string{`{"a b":[1,2.50,"x \" y"]}`, `[null,"NaN","-Infinity"]`, "123456789012345678901234567890.10", "!", "!"},
		},
		{
			"binary", schemas.Column{Type: "BINARY"}, meta("logicalType", "BINARY"),
			build(array.NewBinaryBuilder(pool, arrow.BinaryTypes.Binary), func(b *array.BinaryBuilder) {
				b.AppendValues([][]byte{{}, {0, 0xab, 0xff}}, nil)
			}),
			[]string{`""`, `"00ABFF"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.col.Name = "C"
			data := chunk(t, []arrow.Field{{Name: "C", Type: tt.data.DataType(), Nullable: true, Metadata: tt.meta}}, []arrow.Array{tt.data})
			d, err := NewDecoder([]schemas.Column{tt.col}, 1)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			n, err := d.Rows(data, func(r *Row) (bool, error) {
				if !json.Valid(r.JSON) {
					t.Errorf("row is not JSON: %s", r.JSON)
				}
				token := string(r.Value(0))
				if string(r.JSON) != `{"C":`+token+`}` {
					t.Errorf("row %s does not hold its value %s", r.JSON, token)
				}
				if r.Unreadable == 0 {
					token = "!"
				}
				got = append(got, token)
				return true, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if n != int64(len(tt.want)) {
				t.Errorf("%d rows, want %d", n, len(tt.want))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRowsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	const n = 3000
	long := strings.Repeat("x", 3000)
	ints, texts := make([]int64, n), make([]string, n)
	for i := range n {
		ints[i], texts[i] = int64(i), long[:i]
	}
	a, b, c := int64s(ints, nil), strs(texts, nil), int64s(ints, nil)
	data := chunk(t, []arrow.Field{
		{Name: "A", Type: a.DataType()}, {Name: "B", Type: b.DataType()}, {Name: "CURSOR", Type: c.DataType()},
	}, []arrow.Array{a, b, c})
	d, err := NewDecoder([]schemas.Column{{Name: "A", Type: "FIXED"}, {Name: "B", Type: "TEXT"}, {Name: "CURSOR", Type: "FIXED"}}, 2)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]byte
	_, err = d.Rows(data, func(r *Row) (bool, error) {
		if string(r.Value(2)) != string(r.Value(0)) {
			t.Errorf("hidden column is %s, want %s", r.Value(2), r.Value(0))
		}
		keep := len(r.Value(1))%2 == 0
		if keep {
			rows = append(rows, r.JSON)
		}
		return keep, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		want, _ := json.Marshal(struct {
			A int
			B string
		}{2 * i, long[:2*i]})
		if string(row) != string(want) {
			t.Fatalf("kept row %d is %.80s, want %.80s", i, row, want)
		}
	}
	if len(rows) != n/2 {
		t.Errorf("%d rows kept, want %d", len(rows), n/2)
	}
}

func TestRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	if _, err := NewDecoder([]schemas.Column{{Name: "V", Type: "VECTOR"}}, 1); err == nil {
		t.Error("a VECTOR column was accepted")
	}
	a := strs([]string{"x"}, nil)
	for _, typ := range []string{"FIXED", "REAL", "BOOLEAN", "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_TZ"} {
		d, err := NewDecoder([]schemas.Column{{Name: "C", Type: typ}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		data := chunk(t, []arrow.Field{{Name: "C", Type: a.DataType()}}, []arrow.Array{a})
		if _, err := d.Rows(data, func(*Row) (bool, error) { return true, nil }); err == nil {
			t.Errorf("a string was accepted as %s", typ)
		}
		if _, err := Count([]byte("<html>not Arrow</html>")); err == nil {
			t.Error("a page was accepted as a chunk")
		}
		if _, err := d.Rows(data[:len(data)/2], func(*Row) (bool, error) { return true, nil }); err == nil {
			t.Errorf("half a chunk was accepted as %s", typ)
		}
	}
}

func BenchmarkRows(b *testing.B) {
	const n = 10_000
	ints, texts := make([]int64, n), make([]string, n)
	for i := range n {
		ints[i], texts[i] = int64(i)*1_000_003, "somebody@example.com"
	}
	var fields []arrow.Field
	var cols []arrow.Array
	var columns []schemas.Column
	add := func(typ string, scale int, col arrow.Array) {
		name := string(rune('A' + len(cols)))
		fields = append(fields, arrow.Field{Name: name, Type: col.DataType()})
		cols = append(cols, col)
		columns = append(columns, schemas.Column{Name: name, Type: typ, Scale: scale})
	}
	for range 4 {
		add("TEXT", 0, strs(texts, nil))
		add("FIXED", 2, int64s(ints, nil))
		add("TIMESTAMP_NTZ", 9, int64s(ints, nil))
	}
	data := chunk(b, fields, cols)
	d, err := NewDecoder(columns, len(columns))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Rows(data, func(*Row) (bool, error) { return true, nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}

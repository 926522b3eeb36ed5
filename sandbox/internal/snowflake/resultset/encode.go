package resultset

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// field is a column of an Arrow batch with Snowflake's metadata. The carrier is the
// Arrow type of the values in this batch; the column may have another in the next batch.
func field(c sftype.Column, carrier arrow.DataType) arrow.Field {
	t := c.Type
	charLength, byteLength, precision, scale := 0, 0, 0, t.Scale
	switch t.Logical {
	case "FIXED":
		precision = t.Precision
	case "TEXT":
		charLength, byteLength = t.Length, min(4*t.Length, sftype.MaxText)
	case "BINARY":
		charLength, byteLength = t.Length, t.Length
	case "VARIANT", "OBJECT", "ARRAY":
		charLength, byteLength = sftype.MaxText, sftype.MaxText
	case "TIMESTAMP_TZ":
		byteLength = 16
		if s, ok := carrier.(*arrow.StructType); ok && s.NumFields() == 2 {
			byteLength = 8
		}
	}
	logical := t.Logical
	if logical == "GEOGRAPHY" {
		logical = "OBJECT"
	}
	md := arrow.NewMetadata(
		[]string{"logicalType", "precision", "scale", "charLength", "byteLength", "finalType"},
		[]string{logical, strconv.Itoa(precision), strconv.Itoa(scale), strconv.Itoa(charLength), strconv.Itoa(byteLength), "T"})
	return arrow.Field{Name: c.Name, Type: carrier, Nullable: c.Nullable, Metadata: md}
}

// encodeStream writes one batch as an Arrow IPC stream.
func encodeStream(columns []sftype.Column, arrays []arrow.Array, rows int) ([]byte, error) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = field(c, arrays[i].DataType())
	}
	schema := arrow.NewSchema(fields, nil)
	record := array.NewRecordBatch(schema, arrays, int64(rows))
	defer record.Release()
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
	if err := w.Write(record); err != nil {
		return nil, fmt.Errorf("writing Arrow batch: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("closing Arrow stream: %w", err)
	}
	return buf.Bytes(), nil
}

// encodeColumn turns DuckDB's Arrow array into the carrier Snowflake would use; a NUMBER
// takes the narrowest that holds the range.
func encodeColumn(t sftype.Type, in arrow.Array, r numberRange, indent int) (arrow.Array, error) {
	if ext, ok := in.(array.ExtensionArray); ok {
		in = ext.Storage()
	}
	switch t.Logical {
	case "FIXED":
		return encodeFixed(in, r)
	case "REAL":
		return encodeReal(in)
	case "TIME":
		return encodeTime(in, t.Scale)
	case "TIMESTAMP_NTZ":
		return encodeNTZ(in, t.Scale)
	case "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return encodeInstant(in, t.Logical == "TIMESTAMP_TZ", t.Scale)
	case "VARIANT", "OBJECT", "ARRAY":
		return encodeVariant(in, indent)
	case "GEOGRAPHY", "MAP":
		inner, err := wrapped(in)
		if err != nil {
			return nil, err
		}
		return encodeVariant(inner, indent)
	case "DECFLOAT":
		return encodeDecfloat(in)
	case "VECTOR":
		if _, ok := in.(*array.FixedSizeList); ok {
			in.Retain()
			return in, nil
		}
	}
	switch in.(type) {
	case *array.String, *array.Binary, *array.Boolean, *array.Date32:
		in.Retain()
		return in, nil
	case *array.Null, *array.Int32:
		if in.NullN() == in.Len() { // a column of NULLs only
			b := array.NewStringBuilder(memory.DefaultAllocator)
			b.AppendNulls(in.Len())
			return b.NewArray(), nil
		}
	}
	return nil, sferr.Unsupported("a result column of DuckDB's Arrow type %s", in.DataType())
}

func encodeReal(in arrow.Array) (arrow.Array, error) {
	switch a := in.(type) {
	case *array.Float64:
		a.Retain()
		return a, nil
	case *array.Float32:
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		for i := range a.Len() {
			if a.IsNull(i) {
				b.AppendNull()
			} else {
				b.Append(float64(a.Value(i)))
			}
		}
		return b.NewArray(), nil
	}
	return nil, sferr.Unsupported("a FLOAT of DuckDB's Arrow type %s", in.DataType())
}

// integers reads the unscaled values of a NUMBER.
func integers(in arrow.Array) (func(i int) decimal128.Num, error) {
	switch a := in.(type) {
	case *array.Decimal128:
		return a.Value, nil
	case *array.Int8:
		return func(i int) decimal128.Num { return decimal128.FromI64(int64(a.Value(i))) }, nil
	case *array.Int16:
		return func(i int) decimal128.Num { return decimal128.FromI64(int64(a.Value(i))) }, nil
	case *array.Int32:
		return func(i int) decimal128.Num { return decimal128.FromI64(int64(a.Value(i))) }, nil
	case *array.Int64:
		return func(i int) decimal128.Num { return decimal128.FromI64(a.Value(i)) }, nil
	case *array.Uint8:
		return func(i int) decimal128.Num { return decimal128.FromU64(uint64(a.Value(i))) }, nil
	case *array.Uint16:
		return func(i int) decimal128.Num { return decimal128.FromU64(uint64(a.Value(i))) }, nil
	case *array.Uint32:
		return func(i int) decimal128.Num { return decimal128.FromU64(uint64(a.Value(i))) }, nil
	case *array.Uint64:
		return func(i int) decimal128.Num { return decimal128.FromU64(a.Value(i)) }, nil
	}
	return nil, sferr.Unsupported("a NUMBER of DuckDB's Arrow type %s", in.DataType())
}

// numberRange is the span of the unscaled values of a NUMBER.
type numberRange struct {
	low, high int64
	wide      bool // some value needs more than 64 bits
}

func (r numberRange) join(other numberRange) numberRange {
	return numberRange{min(r.low, other.low), max(r.high, other.high), r.wide || other.wide}
}

func rangeOf(in arrow.Array) (numberRange, error) {
	var r numberRange
	at, err := integers(in)
	if err != nil {
		return r, err
	}
	for i := range in.Len() {
		if in.IsNull(i) {
			continue
		}
		v := at(i)
		n := int64(v.LowBits())
		if (n >= 0 && v.HighBits() != 0) || (n < 0 && v.HighBits() != -1) {
			r.wide = true
			return r, nil
		}
		r.low, r.high = min(r.low, n), max(r.high, n)
	}
	return r, nil
}

// encodeFixed encodes a NUMBER in the narrowest scaled integer that holds the range, or in
// decimal128 if none does, as Snowflake's servers do.
func encodeFixed(in arrow.Array, r numberRange) (arrow.Array, error) {
	at, err := integers(in)
	if err != nil {
		return nil, err
	}
	if !r.wide {
		values := make([]int64, in.Len())
		for i := range values {
			if !in.IsNull(i) {
				values[i] = int64(at(i).LowBits())
			}
		}
		return narrowest(values, in.IsNull, r.low, r.high), nil
	}
	scale := int32(0)
	if d, ok := in.DataType().(*arrow.Decimal128Type); ok {
		scale = d.Scale
	}
	b := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: 38, Scale: scale})
	for i := range in.Len() {
		if in.IsNull(i) {
			b.AppendNull()
		} else {
			b.Append(at(i))
		}
	}
	return b.NewArray(), nil
}

func narrowest(values []int64, null func(int) bool, low, high int64) arrow.Array {
	mem := memory.DefaultAllocator
	fits := func(lo, hi int64) bool { return low >= lo && high <= hi }
	switch {
	case fits(math.MinInt8, math.MaxInt8):
		return build(array.NewInt8Builder(mem), values, null)
	case fits(math.MinInt16, math.MaxInt16):
		return build(array.NewInt16Builder(mem), values, null)
	case fits(math.MinInt32, math.MaxInt32):
		return build(array.NewInt32Builder(mem), values, null)
	}
	return build(array.NewInt64Builder(mem), values, null)
}

type intBuilder[T int8 | int16 | int32 | int64] interface {
	array.Builder
	Append(v T)
}

func build[T int8 | int16 | int32 | int64](b intBuilder[T], values []int64, null func(int) bool) arrow.Array {
	b.Reserve(len(values))
	for i, v := range values {
		if null(i) {
			b.AppendNull()
		} else {
			b.Append(T(v))
		}
	}
	return b.NewArray()
}

// encodeVariant prints JSON as Snowflake does: over several lines, indented as JSON_INDENT
// says, and on one line for 0.
func encodeVariant(in arrow.Array, indent int) (arrow.Array, error) {
	a, ok := in.(*array.String)
	if !ok {
		return nil, sferr.Unsupported("a VARIANT of DuckDB's Arrow type %s", in.DataType())
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		text, err := values.PrintJSON(a.Value(i), indent)
		if err != nil {
			return nil, fmt.Errorf("printing VARIANT: %w", err)
		}
		b.Append(text)
	}
	return b.NewArray(), nil
}

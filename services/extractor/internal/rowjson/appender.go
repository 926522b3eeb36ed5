package rowjson

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tapline.dev/schemas"
)

// appender writes the JSON of the value in row i; false means that the value
// has no exact text.
type appender func(b []byte, i int) ([]byte, bool)

func newAppender(c schemas.Column, f arrow.Field, col arrow.Array) (appender, error) {
	if col.Len() == 0 {
		return nil, nil // nothing will be asked of it
	}
	typ, scale := meaning(c, f)
	a, err := typedAppender(typ, scale, col, plainYears)
	if err != nil {
		return nil, err
	}
	if _, isStruct := col.(*array.Struct); !isStruct && col.NullN() == 0 {
		return a, nil
	}
	return func(b []byte, i int) ([]byte, bool) {
		if col.IsNull(i) {
			return append(b, "null"...), true
		}
		return a(b, i)
	}, nil
}

// meaning is the Snowflake type and scale of a column: the field's metadata
// speaks for this chunk, the result's column list where it is silent.
func meaning(c schemas.Column, f arrow.Field) (typ string, scale int) {
	typ, scale = c.Type, c.Scale
	if v, ok := f.Metadata.GetValue("logicalType"); ok && v != "" {
		typ = strings.ToUpper(v)
	}
	if v, ok := f.Metadata.GetValue("scale"); ok {
		if n, err := strconv.Atoi(v); err == nil {
			scale = n
		}
	}
	return typ, scale
}

// typedAppender writes the values of a type that mappings take. years says which
// years have a text.
func typedAppender(typ string, scale int, col arrow.Array, y years) (appender, error) {
	switch typ {
	case "FIXED":
		return fixedAppender(scale, col)
	case "REAL":
		return realAppender(col)
	case "TEXT", "CHAR", "VARCHAR":
		return bytesAppender(col, appendText)
	case "VARIANT", "OBJECT", "ARRAY", "GEOGRAPHY", "GEOMETRY":
		return bytesAppender(col, appendNested)
	case "BINARY":
		return bytesAppender(col, func(b, s []byte) ([]byte, bool) { return appendHex(b, s), true })
	case "BOOLEAN":
		if col, ok := col.(*array.Boolean); ok {
			return func(b []byte, i int) ([]byte, bool) { return strconv.AppendBool(b, col.Value(i)), true }, nil
		}
	case "DATE":
		if col, ok := col.(*array.Date32); ok {
			return quoted(func(b []byte, i int) ([]byte, bool) { return appendDate(b, int64(col.Value(i)), y) }), nil
		}
	case "TIME":
		return timeAppender(scale, col)
	case "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return timestampAppender(typ, scale, col, y)
	default:
		return nil, fmt.Errorf("type %s cannot be read", typ)
	}
	return nil, carrierError(typ, col)
}

func carrierError(typ string, col arrow.Array) error {
	return fmt.Errorf("type %s came as Arrow %s, which is not understood", typ, col.DataType())
}

func fixedAppender(scale int, col arrow.Array) (appender, error) {
	if scale < 0 || scale > maxScale {
		return nil, fmt.Errorf("a NUMBER with scale %d is not understood", scale)
	}
	if col, ok := col.(*array.Decimal128); ok {
		return func(b []byte, i int) ([]byte, bool) { return appendDecimal128(b, col.Value(i), scale), true }, nil
	}
	value, ok := integers(col)
	if !ok {
		return nil, carrierError("FIXED", col)
	}
	return func(b []byte, i int) ([]byte, bool) { return appendScaled(b, value(i), scale), true }, nil
}

// integers reads any of the integer carriers.
func integers(col arrow.Array) (func(i int) int64, bool) {
	switch col := col.(type) {
	case *array.Int8:
		return func(i int) int64 { return int64(col.Value(i)) }, true
	case *array.Int16:
		return func(i int) int64 { return int64(col.Value(i)) }, true
	case *array.Int32:
		return func(i int) int64 { return int64(col.Value(i)) }, true
	case *array.Int64:
		return col.Value, true
	}
	return nil, false
}

func realAppender(col arrow.Array) (appender, error) {
	if col, ok := col.(*array.Float64); ok {
		return func(b []byte, i int) ([]byte, bool) { return appendFloat(b, col.Value(i)), true }, nil
	}
	return nil, carrierError("REAL", col)
}

func bytesAppender(col arrow.Array, write func(b, s []byte) ([]byte, bool)) (appender, error) {
	switch col := col.(type) {
	case *array.String:
		data, offsets := col.ValueBytes(), col.ValueOffsets()
		base := offsets[0] // where data begins
		return func(b []byte, i int) ([]byte, bool) {
			return write(b, data[offsets[i]-base:offsets[i+1]-base])
		}, nil
	case *array.LargeString:
		return func(b []byte, i int) ([]byte, bool) { return write(b, []byte(col.Value(i))) }, nil
	case *array.Binary:
		return func(b []byte, i int) ([]byte, bool) { return write(b, col.Value(i)) }, nil
	case *array.LargeBinary:
		return func(b []byte, i int) ([]byte, bool) { return write(b, col.Value(i)) }, nil
	case *array.FixedSizeBinary:
		return func(b []byte, i int) ([]byte, bool) { return write(b, col.Value(i)) }, nil
	}
	return nil, fmt.Errorf("bytes came as Arrow %s, which is not understood", col.DataType())
}

func quoted(a appender) appender {
	return func(b []byte, i int) ([]byte, bool) {
		b, ok := a(append(b, '"'), i)
		return append(b, '"'), ok
	}
}

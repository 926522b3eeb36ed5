package rowjson

import (
	"math/big"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tapline.dev/schemas"
)

// Placeholder stands for a value of a column that the import does not need, where JSON
// cannot express the value or the row would be too large with it. Its only key does not
// occur in a Snowflake document by chance.
const Placeholder = `{"$tapline":"withheld"}`

// NewLooseDecoder is a decoder that holds only some columns to their rules: a value
// of another column that has no exact text becomes a placeholder, and costs no row.
func NewLooseDecoder(columns []schemas.Column, visible int, held []bool) (*Decoder, error) {
	return newDecoder(columns, visible, func(i int) bool { return i >= len(held) || !held[i] })
}

// looseAppender writes the values of a column that is held to no rules.
func looseAppender(c schemas.Column, f arrow.Field, col arrow.Array) appender {
	if col.Len() == 0 {
		return nil
	}
	typ, scale := meaning(c, f)
	value, ok := otherAppender(typ, col)
	if !ok {
		var err error
		if value, err = typedAppender(typ, scale, col, expandedYears); err != nil {
			value = func(b []byte, _ int) ([]byte, bool) { return b, false }
		}
	}
	return func(b []byte, i int) ([]byte, bool) {
		if col.IsNull(i) {
			return append(b, "null"...), true
		}
		from := len(b)
		b, ok := value(b, i)
		if !ok {
			b = append(b[:from], Placeholder...)
		}
		return b, ok
	}
}

// otherAppender writes types that no mapping takes.
func otherAppender(typ string, col arrow.Array) (appender, bool) {
	switch typ {
	case "VECTOR":
		if list, ok := col.(*array.FixedSizeList); ok {
			return vectorAppender(list)
		}
	case "MAP":
		if value, err := bytesAppender(col, appendNested); err == nil {
			return value, true
		}
	case "DECFLOAT":
		if s, ok := col.(*array.Struct); ok {
			return decfloatAppender(s)
		}
	}
	return nil, false
}

func vectorAppender(list *array.FixedSizeList) (appender, bool) {
	var element func(b []byte, i int) []byte
	switch values := list.ListValues().(type) {
	case *array.Float32:
		element = func(b []byte, i int) []byte { return appendFloat32(b, values.Value(i)) }
	case *array.Float64:
		element = func(b []byte, i int) []byte { return appendFloat(b, values.Value(i)) }
	default:
		integer, ok := integers(values)
		if !ok {
			return nil, false
		}
		element = func(b []byte, i int) []byte { return strconv.AppendInt(b, integer(i), 10) }
	}
	return func(b []byte, i int) ([]byte, bool) {
		from, to := list.ValueOffsets(i)
		b = append(b, '[')
		for j := from; j < to; j++ {
			if j > from {
				b = append(b, ',')
			}
			b = element(b, int(j))
		}
		return append(b, ']'), true
	}, true
}

// appendFloat32 writes the shortest decimal that reads back to f.
func appendFloat32(b []byte, f float32) []byte {
	if f != f || f > maxFloat32 || f < -maxFloat32 {
		return appendFloat(b, float64(f))
	}
	return strconv.AppendFloat(b, float64(f), 'g', -1, 32)
}

const maxFloat32 = 0x1p127 * (1 + (1 - 0x1p-23))

// decfloatAppender writes a DECFLOAT as a JSON number with every digit: its
// significand is an integer of two's complement, highest byte first.
func decfloatAppender(s *array.Struct) (appender, bool) {
	names, ok := s.DataType().(*arrow.StructType)
	if !ok {
		return nil, false
	}
	var exponent func(int) int64
	var significand *array.Binary
	for i := range s.NumField() {
		switch names.Field(i).Name {
		case "exponent":
			exponent, _ = integers(s.Field(i))
		case "significand":
			significand, _ = s.Field(i).(*array.Binary)
		}
	}
	if exponent == nil || significand == nil {
		return nil, false
	}
	return func(b []byte, i int) ([]byte, bool) {
		raw := significand.Value(i)
		n := new(big.Int).SetBytes(raw)
		if len(raw) > 0 && raw[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
		}
		b = n.Append(b, 10)
		if e := exponent(i); e != 0 && n.Sign() != 0 {
			b = strconv.AppendInt(append(b, 'e'), e, 10)
		}
		return b, true
	}, true
}

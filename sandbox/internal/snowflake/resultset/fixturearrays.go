package resultset

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func (f Fixture) arrays(rows [][]json.RawMessage) ([]arrow.Array, error) {
	out := make([]arrow.Array, len(f.Columns))
	for i, c := range f.Columns {
		b, err := c.builder()
		if err != nil {
			return nil, err
		}
		for k, row := range rows {
			if len(row) != len(f.Columns) {
				return nil, fmt.Errorf("row %d has %d values", k+1, len(row))
			}
			if err := appendCell(b, row[i]); err != nil {
				return nil, fmt.Errorf("row %d, column %s: %w", k+1, c.Name, err)
			}
		}
		out[i] = b.NewArray()
	}
	return out, nil
}

func (c fixtureColumn) builder() (array.Builder, error) {
	mem := memory.DefaultAllocator
	child := func(name string, t arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true}
	}
	i64, i32 := arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int32
	switch c.Carrier {
	case "struct2":
		second := child("fraction", i32)
		if c.Type == "TIMESTAMP_TZ" {
			second = child("timezone", i32)
		}
		return array.NewStructBuilder(mem, arrow.StructOf(child("epoch", i64), second)), nil
	case "struct3":
		return array.NewStructBuilder(mem, arrow.StructOf(child("epoch", i64), child("fraction", i32), child("timezone", i32))), nil
	case "decimal128":
		return array.NewDecimal128Builder(mem, &arrow.Decimal128Type{Precision: 38, Scale: int32(c.Scale)}), nil
	}
	t, ok := map[string]arrow.DataType{
		"int8": arrow.PrimitiveTypes.Int8, "int16": arrow.PrimitiveTypes.Int16, "int32": i32, "int64": i64,
		"float64": arrow.PrimitiveTypes.Float64, "utf8": arrow.BinaryTypes.String, "bool": arrow.FixedWidthTypes.Boolean,
		"date32": arrow.FixedWidthTypes.Date32, "binary": arrow.BinaryTypes.Binary,
	}[c.Carrier]
	if !ok {
		return nil, fmt.Errorf("column %s: unknown carrier %q", c.Name, c.Carrier)
	}
	return array.NewBuilder(mem, t), nil
}

// appendCell adds a value: a number or a text with its digits, an object for a struct
// (whose members may be null, while the struct is not), or null.
func appendCell(b array.Builder, cell json.RawMessage) error {
	text := strings.TrimSpace(string(cell))
	if text == "null" {
		b.AppendNull()
		return nil
	}
	if s, ok := b.(*array.StructBuilder); ok {
		return appendStruct(s, cell)
	}
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(cell, &text); err != nil {
			return err
		}
	}
	return appendText(b, text)
}

func appendStruct(s *array.StructBuilder, cell json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(cell, &members); err != nil {
		return err
	}
	s.Append(true)
	t, ok := s.Type().(*arrow.StructType)
	if !ok {
		return fmt.Errorf("carrier is not a struct")
	}
	for i, field := range t.Fields() {
		member, ok := members[field.Name]
		if !ok {
			return fmt.Errorf("member %s is missing", field.Name)
		}
		if err := appendCell(s.FieldBuilder(i), member); err != nil {
			return err
		}
	}
	return nil
}

func appendText(b array.Builder, text string) error {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(text)
	case *array.BooleanBuilder:
		b.Append(text == "true")
	case *array.BinaryBuilder:
		data, err := hex.DecodeString(text)
		if err != nil {
			return err
		}
		b.Append(data)
	case *array.Float64Builder:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return err
		}
		b.Append(v)
	case *array.Decimal128Builder:
		t, ok := b.Type().(*arrow.Decimal128Type)
		if !ok {
			return fmt.Errorf("carrier is not a decimal")
		}
		v, err := decimal128.FromString(text, 38, t.Scale)
		if err != nil {
			return err
		}
		b.Append(v)
	default:
		return b.AppendValueFromString(integerText(b, text))
	}
	return nil
}

// integerText turns a day number into the date that Arrow's builder reads.
func integerText(b array.Builder, text string) string {
	if _, ok := b.(*array.Date32Builder); !ok {
		return text
	}
	days, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return text
	}
	return arrow.Date32(days).FormattedString()
}

package resultset

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

func encodeTime(in arrow.Array) (arrow.Array, error) {
	a, ok := in.(*array.Time64)
	if !ok {
		return nil, sferr.Unsupported("a TIME of DuckDB's Arrow type %s", in.DataType())
	}
	values := make([]int64, a.Len())
	for i := range a.Len() {
		if !a.IsNull(i) {
			values[i] = int64(a.Value(i))
		}
	}
	return build(array.NewInt64Builder(memory.DefaultAllocator), values, a.IsNull), nil
}

// encodeNTZ carries scales up to 6 as one scaled integer and scale 9 as a struct.
func encodeNTZ(in arrow.Array, scale int) (arrow.Array, error) {
	a, ok := in.(*array.Timestamp)
	if !ok {
		return nil, sferr.Unsupported("a TIMESTAMP_NTZ of DuckDB's Arrow type %s", in.DataType())
	}
	values := make([]int64, a.Len())
	for i := range a.Len() {
		if !a.IsNull(i) {
			values[i] = int64(a.Value(i))
		}
	}
	if scale < 9 {
		return build(array.NewInt64Builder(memory.DefaultAllocator), values, a.IsNull), nil
	}
	b := newInstantBuilder(false)
	for i, v := range values {
		sec, nsec := v/1e9, v%1e9
		if nsec < 0 {
			sec, nsec = sec-1, nsec+1e9
		}
		b.append(a.IsNull(i), sec, int32(nsec), 0)
	}
	return b.finish(), nil
}

// instantBuilder builds struct{epoch, fraction[, timezone]}.
type instantBuilder struct {
	outer    *array.StructBuilder
	epoch    *array.Int64Builder
	fraction *array.Int32Builder
	timezone *array.Int32Builder
}

func instantCarrier(zoned bool) *arrow.StructType {
	fields := []arrow.Field{
		{Name: "epoch", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "fraction", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	}
	if zoned {
		fields = append(fields, arrow.Field{Name: "timezone", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	}
	return arrow.StructOf(fields...)
}

func newInstantBuilder(zoned bool) *instantBuilder {
	outer := array.NewStructBuilder(memory.DefaultAllocator, instantCarrier(zoned))
	b := &instantBuilder{outer: outer}
	b.epoch, _ = outer.FieldBuilder(0).(*array.Int64Builder)
	b.fraction, _ = outer.FieldBuilder(1).(*array.Int32Builder)
	if zoned {
		b.timezone, _ = outer.FieldBuilder(2).(*array.Int32Builder)
	}
	return b
}

func (b *instantBuilder) append(null bool, sec int64, nsec, offset int32) {
	if null {
		b.outer.AppendNull() // on the children as well
		return
	}
	b.outer.Append(true)
	b.epoch.Append(sec)
	b.fraction.Append(nsec)
	if b.timezone != nil {
		b.timezone.Append(offset + 1440)
	}
}

func (b *instantBuilder) finish() arrow.Array { return b.outer.NewArray() }

func encodeInstant(in arrow.Array, zoned bool) (arrow.Array, error) {
	a, ok := in.(*array.Struct)
	if !ok || zoned && a.NumField() != 3 || !zoned && a.NumField() != 2 {
		return nil, sferr.Unsupported("a timestamp of DuckDB's Arrow type %s", in.DataType())
	}
	epoch, ok1 := a.Field(0).(*array.Int64)
	fraction, ok2 := a.Field(1).(*array.Int32)
	if !ok1 || !ok2 {
		return nil, sferr.Unsupported("a timestamp of DuckDB's Arrow type %s", in.DataType())
	}
	b := newInstantBuilder(zoned)
	for i := range a.Len() {
		if a.IsNull(i) || epoch.IsNull(i) {
			b.append(true, 0, 0, 0)
			continue
		}
		offset := int32(0)
		if zoned {
			offset = a.Field(2).(*array.Int32).Value(i)
		}
		b.append(false, epoch.Value(i), fraction.Value(i), offset)
	}
	return b.finish(), nil
}

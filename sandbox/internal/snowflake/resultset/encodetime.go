package resultset

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// unitDigits returns the number of digits of a unit's fraction of a second.
func unitDigits(unit arrow.TimeUnit) int { return 3 * int(unit) }

func pow10(n int) int64 {
	out := int64(1)
	for range n {
		out *= 10
	}
	return out
}

// rescale changes the number of digits of the fraction of a second, rounding down.
func rescale(v int64, from, to int) int64 {
	if to >= from {
		return v * pow10(to-from)
	}
	unit := pow10(from - to)
	rest := v % unit
	if rest < 0 {
		rest += unit
	}
	return (v - rest) / unit
}

func encodeTime(in arrow.Array, scale int) (arrow.Array, error) {
	a, ok := in.(*array.Time64)
	t, isTime := in.DataType().(*arrow.Time64Type)
	if !ok || !isTime {
		return nil, sferr.Unsupported("a TIME of DuckDB's Arrow type %s", in.DataType())
	}
	values := make([]int64, a.Len())
	for i := range a.Len() {
		if !a.IsNull(i) {
			values[i] = rescale(int64(a.Value(i)), unitDigits(t.Unit), scale)
		}
	}
	return build(array.NewInt64Builder(memory.DefaultAllocator), values, a.IsNull), nil
}

// maxScaled is the greatest scale of a timestamp that is carried as one scaled integer;
// others are structs.
const maxScaled = 7

func encodeNTZ(in arrow.Array, scale int) (arrow.Array, error) {
	a, ok := in.(*array.Timestamp)
	t, isTimestamp := in.DataType().(*arrow.TimestampType)
	if !ok || !isTimestamp {
		return nil, sferr.Unsupported("a TIMESTAMP_NTZ of DuckDB's Arrow type %s", in.DataType())
	}
	digits := unitDigits(t.Unit)
	if scale <= maxScaled {
		values := make([]int64, a.Len())
		for i := range a.Len() {
			if !a.IsNull(i) {
				values[i] = rescale(int64(a.Value(i)), digits, scale)
			}
		}
		return build(array.NewInt64Builder(memory.DefaultAllocator), values, a.IsNull), nil
	}
	b := newInstantBuilder(false)
	for i := range a.Len() {
		v := int64(0)
		if !a.IsNull(i) {
			v = int64(a.Value(i))
		}
		sec := rescale(v, digits, 0)
		b.append(a.IsNull(i), sec, int32((v-sec*pow10(digits))*pow10(9-digits)), 0)
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

// encodeInstant encodes a TIMESTAMP_LTZ or TIMESTAMP_TZ. One with few digits is one scaled
// integer, for TIMESTAMP_TZ with the offset.
func encodeInstant(in arrow.Array, zoned bool, scale int) (arrow.Array, error) {
	a, ok := in.(*array.Struct)
	if !ok || zoned && a.NumField() != 3 || !zoned && a.NumField() != 2 {
		return nil, sferr.Unsupported("a timestamp of DuckDB's Arrow type %s", in.DataType())
	}
	epoch, ok1 := a.Field(0).(*array.Int64)
	fraction, ok2 := a.Field(1).(*array.Int32)
	if !ok1 || !ok2 {
		return nil, sferr.Unsupported("a timestamp of DuckDB's Arrow type %s", in.DataType())
	}
	if !zoned && scale <= maxScaled {
		values := make([]int64, a.Len())
		null := func(i int) bool { return a.IsNull(i) || epoch.IsNull(i) }
		for i := range values {
			if !null(i) {
				values[i] = epoch.Value(i)*pow10(scale) + int64(fraction.Value(i))/pow10(9-scale)
			}
		}
		return build(array.NewInt64Builder(memory.DefaultAllocator), values, null), nil
	}
	if zoned && scale <= maxScaledZoned {
		return encodeScaledZoned(a, epoch, fraction, scale)
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

// maxScaledZoned is the greatest scale of a TIMESTAMP_TZ whose epoch is one scaled integer.
const maxScaledZoned = 3

func encodeScaledZoned(a *array.Struct, epoch *array.Int64, fraction *array.Int32, scale int) (arrow.Array, error) {
	offsets, ok := a.Field(2).(*array.Int32)
	if !ok {
		return nil, sferr.Unsupported("a timestamp of DuckDB's Arrow type %s", a.DataType())
	}
	outer := array.NewStructBuilder(memory.DefaultAllocator, arrow.StructOf(
		arrow.Field{Name: "epoch", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "timezone", Type: arrow.PrimitiveTypes.Int32, Nullable: true}))
	seconds, _ := outer.FieldBuilder(0).(*array.Int64Builder)
	timezone, _ := outer.FieldBuilder(1).(*array.Int32Builder)
	for i := range a.Len() {
		if a.IsNull(i) || epoch.IsNull(i) {
			outer.AppendNull()
			continue
		}
		outer.Append(true)
		seconds.Append(epoch.Value(i)*pow10(scale) + int64(fraction.Value(i))/pow10(9-scale))
		timezone.Append(offsets.Value(i) + 1440)
	}
	return outer.NewArray(), nil
}

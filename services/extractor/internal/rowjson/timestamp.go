package rowjson

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Snowflake counts a TIMESTAMP_TZ's offset in minutes from UTC-24:00.
const offsetBase = 1440

// instant is a timestamp's carrier taken apart.
type instant struct {
	seconds, nanos int64
	offset         int64 // minutes, of a TIMESTAMP_TZ
	null, ok       bool
}

func timeAppender(scale int, col arrow.Array) (appender, error) {
	value, ok := integers(col)
	switch col := col.(type) {
	case *array.Time32:
		value, ok = func(i int) int64 { return int64(col.Value(i)) }, true
	case *array.Time64:
		value, ok = func(i int) int64 { return int64(col.Value(i)) }, true
	}
	if !ok {
		return nil, carrierError("TIME", col)
	}
	if scale < 0 || scale > 9 {
		return nil, fmt.Errorf("a TIME with scale %d is not understood", scale)
	}
	return quoted(func(b []byte, i int) ([]byte, bool) {
		second, nanos := splitScaled(value(i), scale)
		if second < 0 || second >= secondsPerDay {
			return b, false
		}
		b = append(appendClock(b, second), '.')
		return appendDigits(b, nanos, 9), true
	}), nil
}

func timestampAppender(typ string, scale int, col arrow.Array, y years) (appender, error) {
	if scale < 0 || scale > 9 {
		return nil, fmt.Errorf("a %s with scale %d is not understood", typ, scale)
	}
	read, err := instants(typ, scale, col)
	if err != nil {
		return nil, err
	}
	return func(b []byte, i int) ([]byte, bool) {
		t := read(i)
		if t.null {
			return append(b, "null"...), true
		}
		if !t.ok {
			return b, false
		}
		b, ok := appendInstant(append(b, '"'), t.seconds+t.offset*60, t.nanos, y)
		switch typ {
		case "TIMESTAMP_LTZ":
			b = append(b, 'Z') // the session's zone is UTC
		case "TIMESTAMP_TZ":
			b = appendOffset(b, t.offset)
		}
		return append(b, '"'), ok
	}, nil
}

// instants reads any of the timestamp carriers: a scaled integer, or a struct
// of epoch, fraction (if the integer would not hold it) and timezone (of a
// TIMESTAMP_TZ). A NULL may sit on the struct or on its children.
func instants(typ string, scale int, col arrow.Array) (func(i int) instant, error) {
	if value, ok := integers(col); ok && typ != "TIMESTAMP_TZ" {
		return func(i int) instant {
			seconds, nanos := splitScaled(value(i), scale)
			return instant{seconds: seconds, nanos: nanos, ok: true}
		}, nil
	}
	s, ok := col.(*array.Struct)
	if !ok {
		return nil, carrierError(typ, col)
	}
	epoch, fraction, zone, err := children(typ, s)
	if err != nil {
		return nil, err
	}
	epochOf, _ := integers(epoch)
	fractionOf, _ := integers(fraction)
	zoneOf, _ := integers(zone)
	null := func(child arrow.Array, i int) bool { return child != nil && child.IsNull(i) }
	return func(i int) instant {
		if null(epoch, i) || null(fraction, i) || null(zone, i) {
			return instant{null: true}
		}
		var t instant
		if fractionOf == nil {
			t.seconds, t.nanos = splitScaled(epochOf(i), scale)
		} else {
			t.seconds, t.nanos = epochOf(i), fractionOf(i)
		}
		if zoneOf != nil {
			t.offset = zoneOf(i) - offsetBase
		}
		t.ok = t.offset > -offsetBase && t.offset < offsetBase && !addOverflows(t.seconds, t.offset*60)
		return t
	}, nil
}

func children(typ string, s *array.Struct) (epoch, fraction, zone arrow.Array, err error) {
	names := s.DataType().(*arrow.StructType)
	for i := range s.NumField() {
		child := s.Field(i)
		if _, ok := integers(child); !ok {
			return nil, nil, nil, carrierError(typ, s)
		}
		switch names.Field(i).Name {
		case "epoch":
			epoch = child
		case "fraction":
			fraction = child
		case "timezone":
			zone = child
		default:
			return nil, nil, nil, carrierError(typ, s)
		}
	}
	if epoch == nil || (typ == "TIMESTAMP_TZ") != (zone != nil) {
		return nil, nil, nil, carrierError(typ, s)
	}
	return epoch, fraction, zone, nil
}

package model

import (
	"fmt"
	"math/rand/v2"
	"time"

	"tapline.dev/schemas"
)

// kind is a kind of cursor column.
type kind struct {
	name   string
	duck   string // DuckDB's type of the column
	epoch  string
	zone   *time.Location
	grain  time.Duration // the column's precision
	coarse bool          // stamps are cut off, though that makes them a grain too early
	last   time.Time     // the most distant future
	sql    func(rng *rand.Rand, at time.Time) string
	pair   bool // an expression over two such columns
	none   bool // no cursor at all
}

func kinds() []kind {
	berlin, newYork := zone("Europe/Berlin"), zone("America/New_York")
	far, farNanos := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2261, 12, 31, 0, 0, 0, 0, time.UTC)
	ntz := func(name, duck, layout string, grain time.Duration, zone *time.Location, last time.Time) kind {
		return kind{name: name, duck: duck, zone: zone, grain: grain, last: last, sql: func(_ *rand.Rand, at time.Time) string {
			return duck + " '" + at.In(zone).Format(layout) + "'"
		}}
	}
	const nanos, micros = "2006-01-02 15:04:05.000000000", "2006-01-02 15:04:05.000000"
	epoch := func(name, duck, unit string, grain time.Duration, coarse bool, sql func(time.Time) string) kind {
		return kind{name: name, duck: duck, epoch: unit, zone: time.UTC, grain: grain, coarse: coarse, last: far,
			sql: func(_ *rand.Rand, at time.Time) string { return sql(at) }}
	}
	pair := ntz("greatest of two", "TIMESTAMP_NS", nanos, 1, time.UTC, farNanos)
	pair.pair = true
	return []kind{
		ntz("TIMESTAMP_NTZ(9)", "TIMESTAMP_NS", nanos, 1, time.UTC, farNanos),
		ntz("TIMESTAMP_NTZ(6)", "TIMESTAMP", micros, time.Microsecond, time.UTC, far),
		ntz("TIMESTAMP_NTZ of Berlin", "TIMESTAMP_NS", nanos, 1, berlin, farNanos),
		ntz("TIMESTAMP_NTZ of New York", "TIMESTAMP", micros, time.Microsecond, newYork, far),
		{name: "TIMESTAMP_LTZ", duck: "STRUCT(LTZ_EPOCH BIGINT, LTZ_FRACTION INTEGER)", zone: time.UTC, grain: 1, last: far, sql: func(_ *rand.Rand, at time.Time) string {
			return fmt.Sprintf("struct_pack(LTZ_EPOCH := %d::BIGINT, LTZ_FRACTION := %d::INTEGER)", at.Unix(), at.Nanosecond())
		}},
		{name: "TIMESTAMP_TZ", duck: "STRUCT(TZ_EPOCH BIGINT, TZ_FRACTION INTEGER, TZ_OFFSET INTEGER)", zone: time.UTC, grain: 1, last: far, sql: func(rng *rand.Rand, at time.Time) string {
			offset := (rng.IntN(57) - 28) * 30 // minutes, up to 14 hours
			if at.Year() == 9999 {
				offset = 0
			}
			return fmt.Sprintf("struct_pack(TZ_EPOCH := %d::BIGINT, TZ_FRACTION := %d::INTEGER, TZ_OFFSET := %d::INTEGER)", at.Unix(), at.Nanosecond(), offset)
		}},
		{name: "DATE", duck: "DATE", zone: time.UTC, grain: day, coarse: true, last: far, sql: date(time.UTC)},
		{name: "DATE of New York", duck: "DATE", zone: newYork, grain: day, coarse: true, last: far, sql: date(newYork)},
		epoch("NUMBER, seconds", "DECIMAL(38,0)", "seconds", time.Second, true, func(at time.Time) string { return fmt.Sprint(at.Unix()) }),
		epoch("NUMBER(20,3), seconds", "DECIMAL(20,3)", "seconds", time.Millisecond, false, func(at time.Time) string {
			ms := at.UnixMilli()
			sign := ""
			if ms < 0 {
				sign, ms = "-", -ms
			}
			return fmt.Sprintf("%s%d.%03d", sign, ms/1000, ms%1000)
		}),
		epoch("NUMBER, milliseconds", "DECIMAL(18,0)", "milliseconds", time.Millisecond, true, func(at time.Time) string { return fmt.Sprint(at.UnixMilli()) }),
		pair,
		{name: "no cursor", none: true, zone: time.UTC, grain: 1},
	}
}

const day = 24 * time.Hour

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return z
}

func date(zone *time.Location) func(*rand.Rand, time.Time) string {
	return func(_ *rand.Rand, at time.Time) string { return "DATE '" + at.In(zone).Format(time.DateOnly) + "'" }
}

// frame returns an instant as a text that sorts by time: in the column's time zone, if it
// has one.
func (k kind) frame(at time.Time) string {
	local := at.In(k.zone)
	return schemas.FormatInstant(time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC))
}

// cut truncates an instant to the column's precision.
func (k kind) cut(at time.Time) time.Time {
	if k.grain == day {
		local := at.In(k.zone)
		return time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, k.zone)
	}
	return at.Truncate(k.grain)
}

// margin returns what is added to a definition's lookback.
func (k kind) margin() time.Duration {
	var out time.Duration
	if k.grain == day {
		out += day
	}
	if k.zone != time.UTC {
		out += time.Hour
	}
	return out
}

// definition returns the cursor for a definition.
func (k kind) definition() *schemas.Cursor {
	switch {
	case k.none:
		return nil
	case k.pair:
		return &schemas.Cursor{Expr: "greatest(AT, AT2)"}
	}
	c := &schemas.Cursor{Column: "AT", Epoch: k.epoch}
	if k.zone != time.UTC {
		c.Timezone = k.zone.String()
	}
	return c
}

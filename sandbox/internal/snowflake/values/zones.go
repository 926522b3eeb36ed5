package values

import (
	"strconv"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// ZoneOf implements CONVERT_TIMEZONE(target, timestamp): the same instant at the target's offset.
func (c *Converter) ZoneOf(duckType, text, target, settings string) (Instant, error) {
	at, err := c.ToInstant(duckType, text, "", settings)
	if err != nil {
		return at, err
	}
	loc, err := c.location(target)
	if err != nil {
		return at, sferr.Coded("001073", "22023", "Unknown time zone '"+target+"'")
	}
	_, offset := at.Time().In(loc).Zone()
	at.Offset = offset / 60
	return at, nil
}

// ZoneFrom implements CONVERT_TIMEZONE(source, target, wall clock): the target's wall clock.
func (c *Converter) ZoneFrom(source, text, target string) (time.Time, error) {
	at, ok := readInstant(text)
	if !ok {
		return time.Time{}, sferr.Coded("100035", "22007", "Timestamp '"+text+"' is not recognized")
	}
	from, err := c.location(source)
	if err != nil {
		return time.Time{}, sferr.Coded("001073", "22023", "Unknown time zone '"+source+"'")
	}
	to, err := c.location(target)
	if err != nil {
		return time.Time{}, sferr.Coded("001073", "22023", "Unknown time zone '"+target+"'")
	}
	at.Zoned = false
	at = at.InZone(from)
	local := at.Time().In(to)
	return time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC), nil
}

// MonthsBetween implements MONTHS_BETWEEN of two dates: a whole number between equal days of the
// month or between last days of months, otherwise with a fraction in 31sts.
func MonthsBetween(a, b string) (string, error) {
	x, err1 := time.Parse(time.DateOnly, a)
	y, err2 := time.Parse(time.DateOnly, b)
	if err1 != nil || err2 != nil {
		return "", sferr.Coded("100040", "22007", "Date is not recognized")
	}
	months := float64((x.Year()-y.Year())*12 + int(x.Month()) - int(y.Month()))
	last := func(t time.Time) bool { return t.AddDate(0, 0, 1).Day() == 1 }
	if x.Day() != y.Day() && (!last(x) || !last(y)) {
		months += float64(x.Day()-y.Day()) / 31
	}
	return strconv.FormatFloat(months, 'f', 6, 64), nil
}

package mapping

import (
	"strconv"
	"time"
)

// dateReader turns a date value into epoch seconds, floored.
type dateReader struct {
	layout layout // empty: only ISO 8601
	// acceptsISO accepts ISO 8601, in which the rows topic has dates, besides the layout:
	// if the columns are not known, a value may come from a text or from a DATE column.
	acceptsISO bool
	zone       *time.Location
}

var badDate = fault{codeDateFormat, "the value does not have the date's format"}

// seconds converts a token, whose text is text.
func (d *dateReader) seconds(t token, text []byte) (int64, fault) {
	switch {
	case d.layout.epoch != 0 && (t.kind == kindNumber || t.kind == kindText):
		if n, ok := d.layout.epochSeconds(text); ok {
			return n, fault{}
		}
		if t.kind == kindNumber {
			return 0, badDate
		}
	case t.kind == kindNumber:
		return 0, fault{codeTypeMismatch, "a number is a date only with the format epochSeconds or epochMillis"}
	case t.kind != kindText:
		return 0, fault{codeTypeMismatch, "the value is not a date"}
	case len(d.layout.parts) > 0:
		if c, ok := d.layout.parse(text); ok {
			return c.seconds(d.zone), fault{}
		}
	}
	if d.acceptsISO && !(d.layout.dayBeforeMonth && len(text) == len("2026-11-23")) {
		if c, ok := parseISO(text); ok {
			return c.seconds(d.zone), fault{}
		}
	}
	return 0, badDate
}

// calendarTime is a date and a time of day. Its offset is set if the value names one.
type calendarTime struct {
	year, month, day     int
	hour, minute, second int
	hasOffset            bool
	offset               int // seconds east of UTC
}

// seconds returns the epoch seconds of c, rounded down also before 1970: the fraction
// was cut off when c was read.
func (c calendarTime) seconds(zone *time.Location) int64 {
	clock := int64(c.hour*3600 + c.minute*60 + c.second - c.offset)
	seconds := daysSinceEpoch(c.year, c.month, c.day)*secondsPerDay + clock
	if c.hasOffset || zone == time.UTC {
		return seconds
	}
	// time.Date does not define which offset it uses where clocks change. Here it is the
	// offset before the change, both for an hour that occurs twice and for one that is
	// skipped.
	before, after := offsetAt(zone, seconds-secondsPerDay), offsetAt(zone, seconds+secondsPerDay)
	if before != after && offsetAt(zone, seconds-before) != before && offsetAt(zone, seconds-after) == after {
		return seconds - after
	}
	return seconds - before
}

const secondsPerDay = 86400

// offsetAt returns a zone's offset east of UTC at an instant.
func offsetAt(zone *time.Location, seconds int64) int64 {
	_, offset := time.Unix(seconds, 0).In(zone).Zone()
	return int64(offset)
}

// daysSinceEpoch counts days in the proleptic Gregorian calendar: a year starts
// in March here, so that the leap day is its last.
func daysSinceEpoch(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return int64(era)*146097 + int64(dayOfEra) - 719468
}

// valid reports whether the date and the time of day exist.
func (c calendarTime) valid() bool {
	return c.year >= 1 && c.month >= 1 && c.month <= 12 && c.day >= 1 &&
		c.day <= daysIn(c.year, c.month) && c.hour < 24 && c.minute < 60 && c.second < 60
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// noon is the hour of a date without a time, as in CleverTap's CSV upload.
const noon = 12

// parseISO reads the formats of dates in the rows topic: 2026-11-23,
// 2026-11-23T10:00:00.123456789 and RFC 3339 with an offset.
func parseISO(b []byte) (calendarTime, bool) {
	var c calendarTime
	if len(b) < 10 || b[4] != '-' || b[7] != '-' ||
		!number(b[0:4], &c.year) || !number(b[5:7], &c.month) || !number(b[8:10], &c.day) {
		return c, false
	}
	if len(b) == 10 {
		c.hour = noon
		return c, c.valid()
	}
	if len(b) < 19 || b[10] != 'T' || b[13] != ':' || b[16] != ':' ||
		!number(b[11:13], &c.hour) || !number(b[14:16], &c.minute) || !number(b[17:19], &c.second) {
		return c, false
	}
	rest := b[19:]
	if len(rest) > 0 && rest[0] == '.' {
		end := skipDigits(rest, 1)
		if end == 1 || end > 10 {
			return c, false
		}
		rest = rest[end:]
	}
	return c, c.readOffset(rest) && c.valid()
}

func (c *calendarTime) readOffset(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	c.hasOffset = true
	if len(b) == 1 && b[0] == 'Z' {
		return true
	}
	var hours, minutes int
	if len(b) != 6 || b[3] != ':' || !number(b[1:3], &hours) || !number(b[4:6], &minutes) || hours > 23 || minutes > 59 {
		return false
	}
	c.offset = hours*3600 + minutes*60
	if b[0] == '-' {
		c.offset = -c.offset
	}
	return b[0] == '-' || b[0] == '+'
}

// number parses b, which must consist of digits only.
func number(b []byte, into *int) bool {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	*into = n
	return true
}

// appendDate writes a date property.
func appendDate(dst []byte, seconds int64) []byte {
	dst = append(dst, `"$D_`...)
	dst = strconv.AppendInt(dst, seconds, 10)
	return append(dst, '"')
}

package values

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Instant is an instant or a wall-clock time, in every year that Snowflake has.
type Instant struct {
	Sec    int64
	Nsec   int32
	Offset int // minutes east of UTC; of TIMESTAMP_TZ, and of parsed texts with an offset
	Zoned  bool
}

// Time returns the instant in UTC.
func (i Instant) Time() time.Time { return time.Unix(i.Sec, int64(i.Nsec)).UTC() }

// InstantOf returns the instant of a time, without an offset.
func InstantOf(t time.Time) Instant {
	return Instant{Sec: t.Unix(), Nsec: int32(t.Nanosecond())}
}

// Local returns the wall-clock time at the offset, as a time in UTC.
func (i Instant) Local() time.Time {
	return time.Unix(i.Sec+int64(i.Offset)*60, int64(i.Nsec)).UTC()
}

// readInstant parses values as DuckDB prints them (timestamps, dates, the structs of
// TIMESTAMP_LTZ and TIMESTAMP_TZ) and the texts that Snowflake's format AUTO accepts. A text
// without an offset gives a wall-clock time in UTC, with zoned false.
func readInstant(text string) (Instant, bool) {
	s := strings.TrimSpace(text)
	if strings.HasPrefix(s, "{") {
		return readStruct(s)
	}
	if len(s) > 0 && IsAllDigits(strings.TrimPrefix(s, "-")) {
		return readEpoch(s)
	}
	return readTimestampText(s)
}

// IsAllDigits reports whether the text is decimal digits only, and not empty.
func IsAllDigits(s string) bool {
	for i := range len(s) {
		if !sqltext.IsDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// readEpoch follows Snowflake: the size of the integer tells its unit.
func readEpoch(s string) (Instant, bool) {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return Instant{}, false
	}
	abs := v
	if abs < 0 {
		abs = -abs
	}
	unit := int64(1)
	switch {
	case abs >= 31536000000000000:
		unit = 1e9
	case abs >= 31536000000000:
		unit = 1e6
	case abs >= 31536000000:
		unit = 1e3
	}
	sec, rest := v/unit, v%unit
	if rest < 0 {
		sec, rest = sec-1, rest+unit
	}
	return Instant{Sec: sec, Nsec: int32(rest * (1e9 / unit))}, true
}

func readStruct(s string) (Instant, bool) {
	var out Instant
	s = strings.Trim(s, "{}")
	for _, field := range strings.Split(s, ",") {
		name, value, ok := strings.Cut(field, ":")
		if !ok {
			return out, false
		}
		name = strings.Trim(strings.TrimSpace(name), `'"`)
		v, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil {
			return out, false
		}
		switch strings.ToUpper(name) {
		case "LTZ_EPOCH", "TZ_EPOCH":
			out.Sec = v
		case "LTZ_FRACTION", "TZ_FRACTION":
			out.Nsec = int32(v)
		case "TZ_OFFSET":
			out.Offset = int(v)
		default:
			return out, false
		}
	}
	out.Zoned = true
	return out, true
}

// readTimestampText reads YYYY-MM-DD[( |T)HH:MI[:SS[.F…]]][ ][Z|±HH[:]MI|±HH].
func readTimestampText(s string) (Instant, bool) {
	date, rest := s, ""
	if i := strings.IndexAny(s, " T"); i > 0 {
		date, rest = s[:i], s[i+1:]
	}
	parts := strings.Split(date, "-")
	if len(parts) != 3 || len(parts[0]) != 4 || !IsAllDigits(parts[0]) || !IsAllDigits(parts[1]) || !IsAllDigits(parts[2]) ||
		len(parts[1]) > 2 || len(parts[2]) > 2 {
		return Instant{}, false
	}
	year, _ := strconv.Atoi(parts[0])
	month, _ := strconv.Atoi(parts[1])
	day, _ := strconv.Atoi(parts[2])
	clock, zone := splitZone(rest)
	h, m, sec, nsec, ok := ReadTime(clock)
	if rest == "" || strings.TrimSpace(clock) == "" {
		ok = strings.TrimSpace(zone) == ""
	}
	if !ok {
		return Instant{}, false
	}
	t := time.Date(year, time.Month(month), day, h, m, sec, nsec, time.UTC)
	if t.Day() != day || int(t.Month()) != month {
		return Instant{}, false
	}
	out := InstantOf(t)
	if zone == "" {
		return out, true
	}
	offset, ok := readOffset(zone)
	out.Offset, out.Zoned = offset, true
	out.Sec -= int64(offset) * 60
	return out, ok
}

func splitZone(s string) (clock, zone string) {
	if i := strings.IndexAny(s, "Zz+-"); i >= 0 {
		return strings.TrimSpace(s[:i]), s[i:]
	}
	return strings.TrimSpace(s), ""
}

func readOffset(zone string) (minutes int, ok bool) {
	if zone == "Z" || zone == "z" {
		return 0, true
	}
	digits := strings.ReplaceAll(zone[1:], ":", "")
	if !IsAllDigits(digits) || len(digits) > 4 {
		return 0, false
	}
	h, m := digits, "0"
	if len(digits) > 2 {
		h, m = digits[:len(digits)-2], digits[len(digits)-2:]
	}
	hh, _ := strconv.Atoi(h)
	mm, _ := strconv.Atoi(m)
	if hh > 23 || mm > 59 {
		return 0, false
	}
	minutes = hh*60 + mm
	if zone[0] == '-' {
		minutes = -minutes
	}
	return minutes, true
}

// ReadTime reads HH:MI[:SS[.F…]].
func ReadTime(s string) (h, m, sec, nsec int, ok bool) {
	if s == "" {
		return 0, 0, 0, 0, false
	}
	s, fraction, hasFraction := strings.Cut(s, ".")
	if hasFraction {
		if !IsAllDigits(fraction) {
			return 0, 0, 0, 0, false
		}
		nsec, _ = strconv.Atoi((fraction + "000000000")[:9])
	}
	parts := strings.Split(s, ":")
	if len(parts) > 3 || len(parts) < 2 {
		return 0, 0, 0, 0, false
	}
	values := [3]int{}
	for i, p := range parts {
		if !IsAllDigits(p) || len(p) > 2 {
			return 0, 0, 0, 0, false
		}
		values[i], _ = strconv.Atoi(p)
	}
	h, m, sec = values[0], values[1], values[2]
	return h, m, sec, nsec, h < 24 && m < 60 && sec < 60
}

// InZone sets the offset of a wall-clock time that has none to the session's zone's.
func (i Instant) InZone(loc *time.Location) Instant {
	if i.Zoned {
		return i
	}
	c := i.Time()
	t := time.Date(c.Year(), c.Month(), c.Day(), c.Hour(), c.Minute(), c.Second(), c.Nanosecond(), loc)
	_, offset := t.Zone()
	return Instant{Sec: t.Unix(), Nsec: i.Nsec, Offset: offset / 60, Zoned: true}
}

// LTZSQL returns the instant as DuckDB's struct of a TIMESTAMP_LTZ.
func (i Instant) LTZSQL() string {
	return fmt.Sprintf("struct_pack(LTZ_EPOCH := %d::BIGINT, LTZ_FRACTION := %d::INTEGER)", i.Sec, i.Nsec)
}

// TZSQL returns the instant as DuckDB's struct of a TIMESTAMP_TZ.
func (i Instant) TZSQL() string {
	return fmt.Sprintf("struct_pack(TZ_EPOCH := %d::BIGINT, TZ_FRACTION := %d::INTEGER, TZ_OFFSET := %d::INTEGER)", i.Sec, i.Nsec, i.Offset)
}

// ClockText prints the wall-clock time for DuckDB, with as many digits as DuckDB takes.
func (i Instant) ClockText() string {
	t := i.Local()
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%09d", t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond())
}

// NTZSQL returns the wall-clock time as TIMESTAMP_NTZ(9). In a year outside the range of
// DuckDB's nanoseconds it becomes a TIMESTAMP in microseconds; if that cannot hold the
// value, the conversion fails.
func (i Instant) NTZSQL() string {
	if y := i.Local().Year(); (y < 1678 || y > 2261) && i.Nsec%1000 == 0 {
		return i.NTZBound()
	}
	return "CAST('" + i.ClockText() + "' AS TIMESTAMP_NS)"
}

// NTZBound returns the wall-clock time for a comparison. A value in whole microseconds
// becomes DuckDB's TIMESTAMP, which compares with every precision and year.
func (i Instant) NTZBound() string {
	if i.Nsec%1000 != 0 {
		return i.NTZSQL()
	}
	text := i.ClockText()
	return "CAST('" + text[:len(text)-3] + "' AS TIMESTAMP)"
}

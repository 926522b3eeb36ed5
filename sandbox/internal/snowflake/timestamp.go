package snowflake

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// instant is a moment or a wall clock in the range of all Snowflake years.
type instant struct {
	sec    int64
	nsec   int32
	offset int // minutes east of UTC; of TIMESTAMP_TZ, and of parsed texts with an offset
	zoned  bool
}

func (i instant) time() time.Time { return time.Unix(i.sec, int64(i.nsec)).UTC() }

func instantOf(t time.Time) instant {
	return instant{sec: t.Unix(), nsec: int32(t.Nanosecond())}
}

// local is the wall clock at the offset, as a time in UTC.
func (i instant) local() time.Time {
	return time.Unix(i.sec+int64(i.offset)*60, int64(i.nsec)).UTC()
}

// readInstant understands a value as DuckDB prints it (timestamps, dates, our structs)
// and the timestamp texts that Snowflake's AUTO format accepts.
// A wall clock without offset is left in UTC with zoned false.
func readInstant(text string) (instant, bool) {
	s := strings.TrimSpace(text)
	if strings.HasPrefix(s, "{") {
		return readStruct(s)
	}
	if len(s) > 0 && isAllDigits(strings.TrimPrefix(s, "-")) {
		return readEpoch(s)
	}
	return readClock(s)
}

func isAllDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// readEpoch follows Snowflake: the size of the integer tells its unit.
func readEpoch(s string) (instant, bool) {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return instant{}, false
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
	return instant{sec: sec, nsec: int32(rest * (1e9 / unit))}, true
}

func readStruct(s string) (instant, bool) {
	var out instant
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
			out.sec = v
		case "LTZ_FRACTION", "TZ_FRACTION":
			out.nsec = int32(v)
		case "TZ_OFFSET":
			out.offset = int(v)
		default:
			return out, false
		}
	}
	out.zoned = true
	return out, true
}

// readClock reads YYYY-MM-DD[( |T)HH:MI[:SS[.F…]]][ ][Z|±HH[:]MI|±HH].
func readClock(s string) (instant, bool) {
	date, rest := s, ""
	if i := strings.IndexAny(s, " T"); i > 0 {
		date, rest = s[:i], s[i+1:]
	}
	parts := strings.Split(date, "-")
	if len(parts) != 3 || len(parts[0]) != 4 || !isAllDigits(parts[0]) || !isAllDigits(parts[1]) || !isAllDigits(parts[2]) ||
		len(parts[1]) > 2 || len(parts[2]) > 2 {
		return instant{}, false
	}
	year, _ := strconv.Atoi(parts[0])
	month, _ := strconv.Atoi(parts[1])
	day, _ := strconv.Atoi(parts[2])
	clock, zone := splitZone(rest)
	h, m, sec, nsec, ok := readTime(clock)
	if rest == "" || strings.TrimSpace(clock) == "" {
		ok = strings.TrimSpace(zone) == ""
	}
	if !ok {
		return instant{}, false
	}
	t := time.Date(year, time.Month(month), day, h, m, sec, nsec, time.UTC)
	if t.Day() != day || int(t.Month()) != month {
		return instant{}, false
	}
	out := instantOf(t)
	if zone == "" {
		return out, true
	}
	offset, ok := readOffset(zone)
	out.offset, out.zoned = offset, true
	out.sec -= int64(offset) * 60
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
	if !isAllDigits(digits) || len(digits) > 4 {
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

func readTime(s string) (h, m, sec, nsec int, ok bool) {
	if s == "" {
		return 0, 0, 0, 0, false
	}
	s, fraction, hasFraction := strings.Cut(s, ".")
	if hasFraction {
		if !isAllDigits(fraction) {
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
		if !isAllDigits(p) || len(p) > 2 {
			return 0, 0, 0, 0, false
		}
		values[i], _ = strconv.Atoi(p)
	}
	h, m, sec = values[0], values[1], values[2]
	return h, m, sec, nsec, h < 24 && m < 60 && sec < 60
}

// inZone gives a wall clock without an offset the offset of the session's zone.
func (i instant) inZone(loc *time.Location) instant {
	if i.zoned {
		return i
	}
	c := i.time()
	t := time.Date(c.Year(), c.Month(), c.Day(), c.Hour(), c.Minute(), c.Second(), c.Nanosecond(), loc)
	_, offset := t.Zone()
	return instant{sec: t.Unix(), nsec: i.nsec, offset: offset / 60, zoned: true}
}

func (i instant) ltzSQL() string {
	return fmt.Sprintf("struct_pack(LTZ_EPOCH := %d::BIGINT, LTZ_FRACTION := %d::INTEGER)", i.sec, i.nsec)
}

func (i instant) tzSQL() string {
	return fmt.Sprintf("struct_pack(TZ_EPOCH := %d::BIGINT, TZ_FRACTION := %d::INTEGER, TZ_OFFSET := %d::INTEGER)", i.sec, i.nsec, i.offset)
}

// clockText prints the wall clock for DuckDB, with as many digits as it takes.
func (i instant) clockText() string {
	t := i.local()
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%09d", t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond())
}

// ntzSQL is the wall clock as TIMESTAMP_NTZ(9). A year beyond DuckDB's nanoseconds becomes
// a TIMESTAMP of microseconds, if that holds the value; the conversion fails if it does not.
func (i instant) ntzSQL() string {
	if y := i.local().Year(); (y < 1678 || y > 2261) && i.nsec%1000 == 0 {
		return i.ntzBound()
	}
	return "CAST('" + i.clockText() + "' AS TIMESTAMP_NS)"
}

// ntzBound is the wall clock as a bound in a comparison: without digits below the
// microsecond it is DuckDB's TIMESTAMP, which compares with every precision and year.
func (i instant) ntzBound() string {
	if i.nsec%1000 != 0 {
		return i.ntzSQL()
	}
	text := i.clockText()
	return "CAST('" + text[:len(text)-3] + "' AS TIMESTAMP)"
}

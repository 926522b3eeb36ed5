package rowjson

import (
	"math"
	"strconv"
)

const (
	secondsPerDay = 86400
	// The instants 0001-01-01T00:00:00 and the first second after year 9999:
	// outside them four digits do not hold the year.
	minSecond = -62135596800
	endSecond = 253402300800
)

// pow10 holds the powers of ten up to nanoseconds.
var pow10 = [...]int64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// splitScaled splits v / 10^scale into whole units and nine fractional digits,
// downwards, so that instants before 1970 keep a positive fraction.
func splitScaled(v int64, scale int) (whole, nanos int64) {
	p := pow10[scale]
	whole = v / p
	rest := v % p
	if rest < 0 {
		whole--
		rest += p
	}
	return whole, rest * pow10[9-scale]
}

// appendInstant writes seconds since 1970 and nanoseconds as
// 2026-11-23T10:00:00.123456789, without quotes.
func appendInstant(b []byte, seconds, nanos int64, y years) ([]byte, bool) {
	if y == plainYears && (seconds < minSecond || seconds >= endSecond) || nanos < 0 || nanos >= 1e9 {
		return b, false
	}
	days := floorDiv(seconds, secondsPerDay)
	b = appendDay(b, days)
	b = append(b, 'T')
	b = appendClock(b, seconds-days*secondsPerDay)
	b = append(b, '.')
	return appendDigits(b, nanos, 9), true
}

// appendDate writes days since 1970 as 2026-11-23, without quotes.
func appendDate(b []byte, days int64, y years) ([]byte, bool) {
	if y == plainYears && (days < minSecond/secondsPerDay || days >= endSecond/secondsPerDay) {
		return b, false
	}
	return appendDay(b, days), true
}

// appendDay is the proleptic Gregorian date of a day number (the algorithm is
// Howard Hinnant's civil_from_days).
func appendDay(b []byte, days int64) []byte {
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day := doy - (153*mp+2)/5 + 1
	month := mp + 3
	if month > 12 {
		month -= 12
	}
	year := yoe + era*400
	if month <= 2 {
		year++
	}
	b = appendYear(b, year)
	b = append(b, '-')
	b = appendDigits(b, month, 2)
	b = append(b, '-')
	return appendDigits(b, day, 2)
}

// years says which years have a text.
type years int

const (
	plainYears    years = iota // 1 to 9999: four digits
	expandedYears              // all; those beyond carry a sign, as ISO 8601 has it
)

func appendYear(b []byte, year int64) []byte {
	if year >= 1 && year <= 9999 {
		return appendDigits(b, year, 4)
	}
	sign := byte('+')
	if year < 0 {
		sign, year = '-', -year
	}
	b = append(b, sign)
	if year <= 9999 {
		return appendDigits(b, year, 4)
	}
	return strconv.AppendInt(b, year, 10)
}

func appendClock(b []byte, secondOfDay int64) []byte {
	b = appendDigits(b, secondOfDay/3600, 2)
	b = append(b, ':')
	b = appendDigits(b, secondOfDay/60%60, 2)
	b = append(b, ':')
	return appendDigits(b, secondOfDay%60, 2)
}

// appendOffset writes a zone's offset from UTC in minutes as RFC 3339 does.
func appendOffset(b []byte, minutes int64) []byte {
	if minutes == 0 {
		return append(b, 'Z')
	}
	sign := byte('+')
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	b = append(b, sign)
	b = appendDigits(b, minutes/60, 2)
	b = append(b, ':')
	return appendDigits(b, minutes%60, 2)
}

func appendDigits(b []byte, n int64, width int) []byte {
	var digits [9]byte
	u := uint64(n)
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + u%10) // division by a constant is a multiplication
		u /= 10
	}
	return append(b, digits[:width]...)
}

func floorDiv(a, n int64) int64 {
	q := a / n
	if a%n < 0 {
		q--
	}
	return q
}

func addOverflows(a, b int64) bool {
	return b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b
}

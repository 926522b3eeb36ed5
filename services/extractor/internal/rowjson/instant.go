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
	m, d := pair(month), pair(day)
	return append(b, '-', m[0], m[1], '-', d[0], d[1])
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
	h, m, s := pair(secondOfDay/3600), pair(secondOfDay/60%60), pair(secondOfDay%60)
	return append(b, h[0], h[1], ':', m[0], m[1], ':', s[0], s[1])
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
	h, m := pair(minutes/60), pair(minutes%60)
	return append(b, sign, h[0], h[1], ':', m[0], m[1])
}

const pairs = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" + "30313233343536373839" + "40414243444546474849" +
	"50515253545556575859" + "60616263646566676869" + "70717273747576777879" + "80818283848586878889" + "90919293949596979899"

// pair is a number below 100 in two digits.
func pair(n int64) string { return pairs[2*n : 2*n+2] }

// appendDigits writes a number in exactly so many digits, at most nine. Two at a time: dates
// and times are a third of what many rows hold.
func appendDigits(b []byte, n int64, width int) []byte {
	var digits [9]byte
	i, u := width, uint64(n)
	for ; i > 1; i -= 2 {
		copy(digits[i-2:i], pairs[2*(u%100):][:2]) // division by a constant is a multiplication
		u /= 100
	}
	if i == 1 {
		digits[0] = byte('0' + u%10)
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

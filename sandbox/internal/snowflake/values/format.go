package values

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// formatParts are the elements of Snowflake's date and time formats that the sandbox
// knows, the longest first.
func formatParts() []string {
	return []string{
		"TZH:TZM", "TZHTZM", "YYYY", "HH24", "HH12", "MMMM", "TZH", "TZM", "MON", "DY",
		"FF0", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "FF7", "FF8", "FF9",
		"YY", "MM", "DD", "MI", "SS", "FF", "AM", "PM",
	}
}

type formatPart struct {
	element string // empty for literal text
	text    string
}

// splitFormat splits a format into elements and literal text.
func splitFormat(format string) ([]formatPart, error) {
	var out []formatPart
	literal := func(s string) { out = append(out, formatPart{text: s}) }
next:
	for i := 0; i < len(format); {
		if format[i] == '"' {
			end := strings.IndexByte(format[i+1:], '"')
			if end < 0 {
				return nil, sferr.Coded("100096", "22007", "Bad date/time format: unterminated text")
			}
			literal(format[i+1 : i+1+end])
			i += end + 2
			continue
		}
		upper := strings.ToUpper(format[i:])
		for _, element := range formatParts() {
			if strings.HasPrefix(upper, element) {
				out = append(out, formatPart{element: element})
				i += len(element)
				continue next
			}
		}
		c := format[i]
		isLetter := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if isLetter && c != 'T' && c != 'Z' {
			return nil, sferr.Coded("100096", "22007", "The sandbox does not know the element of a date/time format at '"+format[i:]+"'")
		}
		literal(string(c))
		i++
	}
	return out, nil
}

// formatInstant prints an instant by a Snowflake format.
func formatInstant(at Instant, format string) (string, error) {
	parts, err := splitFormat(format)
	if err != nil {
		return "", err
	}
	t := at.Local()
	var b strings.Builder
	for _, p := range parts {
		if p.element == "" {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(formatElement(p.element, t, at.Offset))
	}
	return b.String(), nil
}

func formatElement(element string, t time.Time, offset int) string {
	sign, abs := "+", offset
	if offset < 0 {
		sign, abs = "-", -offset
	}
	switch element {
	case "YYYY":
		return fmt.Sprintf("%04d", t.Year())
	case "YY":
		return fmt.Sprintf("%02d", t.Year()%100)
	case "MM":
		return fmt.Sprintf("%02d", int(t.Month()))
	case "MON":
		return t.Format("Jan")
	case "MMMM":
		return t.Format("January")
	case "DD":
		return fmt.Sprintf("%02d", t.Day())
	case "DY":
		return t.Format("Mon")
	case "HH24":
		return fmt.Sprintf("%02d", t.Hour())
	case "HH12":
		return t.Format("03")
	case "MI":
		return fmt.Sprintf("%02d", t.Minute())
	case "SS":
		return fmt.Sprintf("%02d", t.Second())
	case "AM", "PM":
		return t.Format("PM")
	case "TZH:TZM":
		return fmt.Sprintf("%s%02d:%02d", sign, abs/60, abs%60)
	case "TZHTZM":
		return fmt.Sprintf("%s%02d%02d", sign, abs/60, abs%60)
	case "TZH":
		return fmt.Sprintf("%s%02d", sign, abs/60)
	case "TZM":
		return fmt.Sprintf("%02d", abs%60)
	}
	digits := 9
	if len(element) == 3 {
		digits = int(element[2] - '0')
	}
	return fmt.Sprintf("%09d", t.Nanosecond())[:digits]
}

// parseByFormat parses a text by a Snowflake format; the whole text must match.
func parseByFormat(text, format string) (Instant, bool, error) {
	parts, err := splitFormat(format)
	if err != nil {
		return Instant{}, false, err
	}
	f := fields{year: 1970, month: 1, day: 1}
	rest := text
	for _, p := range parts {
		var ok bool
		if p.element == "" {
			rest, ok = strings.CutPrefix(rest, p.text)
		} else {
			rest, ok = f.read(p.element, rest)
		}
		if !ok {
			return Instant{}, false, nil
		}
	}
	if rest != "" {
		return Instant{}, false, nil
	}
	return f.instant()
}

type fields struct {
	year, month, day, hour, minute, second, nsec, offset int
	zoned, pm, half                                      bool
}

func takeDigits(s string, atMost int) (value int, rest string, count int) {
	n := 0
	for n < len(s) && n < atMost && sqltext.IsDigit(s[n]) {
		n++
	}
	value, _ = strconv.Atoi(s[:n])
	return value, s[n:], n
}

func (f *fields) read(element, s string) (string, bool) {
	width := map[string]int{"YYYY": 4, "YY": 2, "MM": 2, "DD": 2, "HH24": 2, "HH12": 2, "MI": 2, "SS": 2}
	if w, ok := width[element]; ok {
		v, rest, n := takeDigits(s, w)
		switch element {
		case "YYYY":
			f.year = v
			return rest, n == 4
		case "YY":
			f.year = 2000 + v
			if v >= 70 {
				f.year = 1900 + v
			}
		case "MM":
			f.month = v
		case "DD":
			f.day = v
		case "HH24":
			f.hour = v
		case "HH12":
			f.hour, f.half = v, true
		case "MI":
			f.minute = v
		case "SS":
			f.second = v
		}
		return rest, n > 0
	}
	switch element {
	case "MON", "MMMM":
		return f.readMonth(s)
	case "AM", "PM":
		if len(s) < 2 {
			return s, false
		}
		f.pm = strings.EqualFold(s[:2], "PM")
		return s[2:], f.pm || strings.EqualFold(s[:2], "AM")
	case "TZH:TZM", "TZHTZM", "TZH":
		n := 0
		for n < len(s) && n < 6 && (sqltext.IsDigit(s[n]) || strings.ContainsRune("+-:Zz", rune(s[n]))) {
			n++
		}
		if n == 0 {
			return s, false
		}
		offset, ok := readOffset(s[:n])
		f.offset, f.zoned = offset, true
		return s[n:], ok
	case "DY", "TZM":
		return s, false
	}
	v, rest, n := takeDigits(s, 9)
	for range 9 - n {
		v *= 10
	}
	f.nsec = v
	return rest, n > 0
}

func (f *fields) readMonth(s string) (string, bool) {
	for m := time.January; m <= time.December; m++ {
		for _, name := range []string{m.String(), m.String()[:3]} {
			if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
				f.month = int(m)
				return s[len(name):], true
			}
		}
	}
	return s, false
}

func (f *fields) instant() (Instant, bool, error) {
	hour := f.hour
	if f.half {
		hour = f.hour % 12
		if f.pm {
			hour += 12
		}
	}
	t := time.Date(f.year, time.Month(f.month), f.day, hour, f.minute, f.second, f.nsec, time.UTC)
	if t.Day() != f.day || int(t.Month()) != f.month || hour > 23 || f.minute > 59 || f.second > 59 {
		return Instant{}, false, nil
	}
	out := InstantOf(t)
	if f.zoned {
		out.Offset, out.Zoned = f.offset, true
		out.Sec -= int64(f.offset) * 60
	}
	return out, true, nil
}

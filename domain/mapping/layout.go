package mapping

import "strings"

// layout is one of CleverTap's date patterns, parsed.
type layout struct {
	parts          []layoutPart
	length         int
	hasTime        bool
	dayBeforeMonth bool  // yyyy/dd/MM: ISO 8601 would swap day and month
	epoch          int64 // units in a second: 1 or 1000; 0 for a pattern
	digits         int   // of an epoch
}

// layoutPart is a run of a pattern's letters, or a byte that stands for itself.
type layoutPart struct {
	letter byte // d, M, y, H, m, s, or 0 for text
	size   int
	text   byte
}

// Formats that are not patterns.
const (
	formatEpochSeconds = "epochSeconds"
	formatEpochMillis  = "epochMillis"
)

// slashPatterns are CleverTap's patterns with slashes; dashes in their place are
// an extension of ours.
func slashPatterns() []string {
	return []string{
		"dd/MM/yyyy HH:mm:ss", "MM/dd/yyyy HH:mm:ss", "yyyy/dd/MM HH:mm:ss", "yyyy/MM/dd HH:mm:ss",
		"dd/MM/yyyy", "MM/dd/yyyy", "yyyy/dd/MM", "yyyy/MM/dd",
	}
}

// Formats lists every format that a date may name.
func Formats() []string {
	all := []string{formatEpochSeconds, formatEpochMillis, "dd MMM yyyy HH:mm:ss", "ddMMMyyyy"}
	for _, p := range slashPatterns() {
		all = append(all, p, strings.ReplaceAll(p, "/", "-"))
	}
	return all
}

// parseLayout finds a format by its name.
func parseLayout(format string) (layout, bool) {
	switch format {
	case formatEpochSeconds:
		return layout{epoch: 1, digits: 10}, true
	case formatEpochMillis:
		return layout{epoch: 1000, digits: 13}, true
	}
	for _, known := range Formats() {
		if known == format {
			return newLayout(format), true
		}
	}
	return layout{}, false
}

func newLayout(pattern string) layout {
	l := layout{length: len(pattern), hasTime: strings.Contains(pattern, "HH")}
	l.dayBeforeMonth = strings.HasPrefix(pattern, "yyyy-dd")
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if strings.IndexByte("dMyHms", c) < 0 {
			l.parts = append(l.parts, layoutPart{size: 1, text: c})
			i++
			continue
		}
		start := i
		for i < len(pattern) && pattern[i] == c {
			i++
		}
		l.parts = append(l.parts, layoutPart{letter: c, size: i - start})
	}
	return l
}

// parse reads a value that has the pattern from its first byte to its last.
func (l *layout) parse(b []byte) (calendarTime, bool) {
	var c calendarTime
	if len(b) != l.length {
		return c, false
	}
	for _, p := range l.parts {
		if !c.read(p, b[:p.size]) {
			return c, false
		}
		b = b[p.size:]
	}
	if !l.hasTime {
		c.hour = noon
	}
	return c, c.valid()
}

func (c *calendarTime) read(p layoutPart, b []byte) bool {
	switch p.letter {
	case 'd':
		return number(b, &c.day)
	case 'M':
		if p.size == 3 {
			c.month = monthByName(b)
			return c.month > 0
		}
		return number(b, &c.month)
	case 'y':
		return number(b, &c.year)
	case 'H':
		return number(b, &c.hour)
	case 'm':
		return number(b, &c.minute)
	case 's':
		return number(b, &c.second)
	}
	return b[0] == p.text
}

// monthByName knows the English short names in any case; 0 is none.
func monthByName(b []byte) int {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	var folded [3]byte
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		folded[i] = c
	}
	at := strings.Index(names, string(folded[:]))
	if at < 0 || at%3 != 0 {
		return 0
	}
	return at/3 + 1
}

// epochSeconds reads an epoch of exactly as many digits as CleverTap documents,
// which tells seconds from milliseconds. A NUMBER with a scale may add zeros.
func (l *layout) epochSeconds(b []byte) (int64, bool) {
	if len(b) > l.digits && b[l.digits] == '.' {
		if !allZeros(b[l.digits+1:]) {
			return 0, false
		}
		b = b[:l.digits]
	}
	var n int
	if len(b) != l.digits || !number(b, &n) {
		return 0, false
	}
	return int64(n) / l.epoch, true
}

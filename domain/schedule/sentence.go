package schedule

import (
	"fmt"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// Sentence says in plain English when an import is due.
func Sentence(spec schemas.ImportSpec) string {
	if len(spec.Schedules) == 0 {
		return "Runs only when somebody starts it."
	}
	parts := make([]string, len(spec.Schedules))
	for i, s := range spec.Schedules {
		parts[i] = phrase(s, spec.Timezone)
	}
	text := "Runs " + strings.Join(parts, ", and ")
	if spec.Start != nil {
		text += ", from " + spec.Start.UTC().Format(time.RFC3339) + " on"
	}
	if spec.End != nil {
		text += ", until " + spec.End.UTC().Format(time.RFC3339)
	}
	return text + "."
}

func phrase(s schemas.Schedule, zone string) string {
	if s.Timezone != "" {
		zone = s.Timezone
	}
	if zone == "" {
		zone = "UTC"
	}
	times := list(s.Times)
	switch {
	case s.Every != 0:
		return "every " + s.Every.String()
	case s.At != nil:
		return "once, at " + s.At.UTC().Format("2006-01-02 15:04:05") + " UTC"
	case s.Cron != "":
		return fmt.Sprintf("as the cron %q says, in %s", s.Cron, zone)
	case len(s.DaysOfWeek) > 0:
		names := make([]string, len(s.DaysOfWeek))
		for i, name := range s.DaysOfWeek {
			names[i] = name
			if day, ok := weekday(name); ok {
				names[i] = day.String()
			}
		}
		return fmt.Sprintf("every %s at %s in %s", list(names), times, zone)
	}
	names := make([]string, len(s.DaysOfMonth))
	for i, day := range s.DaysOfMonth {
		names[i] = ordinal(int(day))
		if day == schemas.LastDay {
			names[i] = "last day"
		}
	}
	return fmt.Sprintf("on the %s of each month that has it, at %s in %s", list(names), times, zone)
}

// list is "a", "a and b" or "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	end := len(words) - 1
	return strings.Join(words[:end], ", ") + " and " + words[end]
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n, suffix)
}

// ZoneAt is the zone of the schedule that is due at the instant, or else the
// calendar's own.
func (c Calendar) ZoneAt(due time.Time) *time.Location {
	for _, s := range c.Schedules {
		at, ok, err := c.next(s, due.Add(-time.Nanosecond))
		if err != nil || !ok || !at.Equal(due) {
			continue
		}
		if zone, err := location(s, c.Zone); err == nil {
			return zone
		}
	}
	zone, err := location(schemas.Schedule{}, c.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Clocks says how the clocks of a zone change between two instants, "" if they do not.
func Clocks(from, to time.Time, zone *time.Location) string {
	_, before := from.In(zone).Zone()
	_, after := to.In(zone).Zone()
	if before == after {
		return ""
	}
	by := time.Duration(after-before) * time.Second
	how := "forward"
	if by < 0 {
		by, how = -by, "back"
	}
	return fmt.Sprintf("clocks go %s by %s", how, schemas.Duration(by))
}

// clockMargin is longer than any change of the clocks that is made today.
const clockMargin = 3 * time.Hour

// Closest returns two instants after now that lie closer together than min, and false
// if there are none among those of the next 400 days. Where the clocks change two
// instants may lie closer than their times of day say: the hours after a change do not
// count.
func (c Calendar) Closest(now time.Time, least time.Duration) (first, second time.Time, found bool, err error) {
	end := now.Add(400 * 24 * time.Hour)
	previous := time.Time{}
	for at := now; at.Before(end); {
		due, ok, err := c.Next(at)
		if err != nil || !ok {
			return time.Time{}, time.Time{}, false, err
		}
		if !previous.IsZero() && due.Sub(previous) < least && Clocks(previous.Add(-clockMargin), due, c.ZoneAt(due)) == "" {
			return previous, due, true, nil
		}
		previous, at = due, due
	}
	return time.Time{}, time.Time{}, false, nil
}

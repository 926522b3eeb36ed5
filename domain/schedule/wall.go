package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// A wall time is written as a time.Time in UTC that shows the same clock face:
// arithmetic on it knows no daylight saving.

// margin covers the largest step that a zone's clock has ever made (a day was
// skipped or repeated at the date line).
const margin = 26 * time.Hour

// firstWall returns the first instant after the given one at which a wall time
// of next falls due in the zone.
func firstWall(after time.Time, zone *time.Location, next func(wall time.Time) time.Time) (time.Time, bool) {
	wall := face(after, zone).Add(-margin)
	for {
		wall = next(wall)
		if wall.IsZero() {
			return time.Time{}, false
		}
		if due := instant(wall, zone); due.After(after) {
			return due.UTC(), true
		}
	}
}

// everyWall returns the first instant after the given one at which a clock in the
// zone shows a wall time of next. A wall time that the clock shows twice falls due
// twice, and one that it skips never.
func everyWall(after time.Time, zone *time.Location, next func(wall time.Time) time.Time) (time.Time, bool) {
	t, wall := after.In(zone), face(after, zone)
	for {
		due := next(wall)
		if due.IsZero() {
			return time.Time{}, false
		}
		_, offset := t.Zone()
		_, end := t.ZoneBounds()
		at := due.Add(-time.Duration(offset) * time.Second)
		if end.IsZero() || at.Before(end) {
			return at.UTC(), true
		}
		// The wall time is not in this period of constant UTC offset. Go on with the
		// next period, from its first instant.
		t, wall = end.In(zone), face(end, zone).Add(-time.Nanosecond)
	}
}

// face is what a clock in the zone shows at t.
func face(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// instant is the first instant at which a clock in the zone shows the wall time
// or, if it skips it, the first after the gap.
func instant(wall time.Time, zone *time.Location) time.Time {
	// The clock is monotonic between its steps, so the first instant with
	// face >= wall is looked for among the stretches of constant offset.
	t := wall.Add(-margin).In(zone)
	for {
		_, offset := t.Zone()
		candidate := wall.Add(-time.Duration(offset) * time.Second)
		_, end := t.ZoneBounds()
		switch {
		case candidate.Before(t):
			return t // the stretch begins past the wall time: it was skipped
		case end.IsZero() || candidate.Before(end):
			return candidate
		}
		t = end
	}
}

// days is a schedule by daysOfWeek or daysOfMonth, with times of the day.
type days struct {
	weekdays  map[time.Weekday]bool
	monthdays map[int]bool
	last      bool
	times     []time.Duration // of the day, ascending
}

// horizon is longer than the widest distance of two days that match: the 31st
// is never more than two months away.
const horizon = 70

func newDays(s schemas.Schedule) (days, error) {
	d := days{weekdays: map[time.Weekday]bool{}, monthdays: map[int]bool{}}
	for _, name := range s.DaysOfWeek {
		day, ok := weekday(name)
		if !ok {
			return days{}, fmt.Errorf("daysOfWeek: %q is not one of mon, tue, wed, thu, fri, sat, sun", name)
		}
		d.weekdays[day] = true
	}
	for _, day := range s.DaysOfMonth {
		switch {
		case day == schemas.LastDay:
			d.last = true
		case day < 1 || day > 31:
			return days{}, errors.New("daysOfMonth: a day of the month is 1 to 31 or last")
		default:
			d.monthdays[int(day)] = true
		}
	}
	for _, text := range s.Times {
		at, err := timeOfDay(text)
		if err != nil {
			return days{}, err
		}
		d.times = append(d.times, at)
	}
	if len(d.times) == 0 {
		return days{}, errors.New(`times: name at least one, such as "09:00"`)
	}
	slices.Sort(d.times)
	return d, nil
}

func (d days) next(wall time.Time) time.Time {
	day := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)
	for range horizon {
		if d.match(day) {
			for _, at := range d.times {
				if due := day.Add(at); due.After(wall) {
					return due
				}
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}
}

func (d days) match(day time.Time) bool {
	return d.weekdays[day.Weekday()] || d.monthdays[day.Day()] || (d.last && day.AddDate(0, 0, 1).Day() == 1)
}

func weekday(name string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		full := strings.ToLower(day.String())
		if n := strings.ToLower(name); n == full || n == full[:3] {
			return day, true
		}
	}
	return 0, false
}

func timeOfDay(text string) (time.Duration, error) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)), nil
		}
	}
	return 0, fmt.Errorf(`times: %q is not a time of day such as "09:00"`, text)
}

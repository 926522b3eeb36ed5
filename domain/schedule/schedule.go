// Package schedule tells when the next run of an import is due. It is pure: it
// reads no clock and keeps nothing, so that what was due can be worked out
// again after a restart.
//
// Wall times follow the calendar of their zone. A fixed wall time that the clocks
// skip in spring falls due at the first instant after the gap; one that comes
// twice in autumn falls due at its first coming only. A cron that repeats within
// the hour or the day (its minute or hour is *, ? or a step of them, or names every
// minute or hour) falls due whenever the clock shows one of its times, so in both of
// the autumn's hours, as cron's users expect. every: counts elapsed time from an
// anchor and knows no zone.
package schedule

import (
	"errors"
	"fmt"
	"time"

	"tapline.dev/schemas"
)

// Calendar is when an import is due.
type Calendar struct {
	Schedules []schemas.Schedule
	Zone      string // of schedules that name none; "" is UTC
	// Start and End bound the due instants, both inclusive.
	Start, End *time.Time
	// Anchor is what every: counts from when there is no Start: the instant at
	// which the import was first applied. It is itself due, as Start is.
	Anchor time.Time
}

// MinEvery is the shortest interval.
const MinEvery = time.Second

// Next returns the first due instant strictly after the given one, and false if
// there is none.
func (c Calendar) Next(after time.Time) (time.Time, bool, error) {
	if c.Start != nil && after.Before(*c.Start) {
		after = c.Start.Add(-time.Nanosecond)
	}
	var best time.Time
	for i, s := range c.Schedules {
		due, ok, err := c.next(s, after)
		if err != nil {
			return time.Time{}, false, fmt.Errorf("schedules[%d]: %w", i, err)
		}
		if ok && (best.IsZero() || due.Before(best)) {
			best = due
		}
	}
	if best.IsZero() || (c.End != nil && best.After(*c.End)) {
		return time.Time{}, false, nil
	}
	return best, true, nil
}

// lookBack lists the periods before now in which Latest looks for a due instant,
// the shortest first. So after a long outage a schedule with a short interval
// costs no more than a rare one.
var lookBack = [...]time.Duration{time.Minute, time.Hour, 24 * time.Hour, 32 * 24 * time.Hour, 366 * 24 * time.Hour, 9 * 366 * 24 * time.Hour}

// Latest returns the last due instant after the given one and not after now,
// and false if there is none: several missed instants collapse into it.
func (c Calendar) Latest(after, now time.Time) (time.Time, bool, error) {
	for i, d := range lookBack {
		from := now.Add(-d)
		if from.Before(after) || i == len(lookBack)-1 {
			from = after
		}
		latest, found := time.Time{}, false
		for at := from; ; {
			due, ok, err := c.Next(at)
			if err != nil {
				return time.Time{}, false, err
			}
			if !ok || due.After(now) {
				break
			}
			latest, found, at = due, true, due
		}
		if found || from.Equal(after) {
			return latest, found, nil
		}
	}
	return time.Time{}, false, nil
}

func (c Calendar) next(s schemas.Schedule, after time.Time) (time.Time, bool, error) {
	if err := check(s); err != nil {
		return time.Time{}, false, err
	}
	zone, err := location(s, c.Zone)
	if err != nil {
		return time.Time{}, false, err
	}
	switch {
	case s.Every != 0:
		due := c.everyAfter(s.Every.Std(), after)
		return due, true, nil
	case s.At != nil:
		return s.At.UTC(), s.At.After(after), nil
	case s.Cron != "":
		spec, err := parseCron(s.Cron)
		if err != nil {
			return time.Time{}, false, err
		}
		if repeating(s.Cron, spec) {
			due, ok := everyWall(after, zone, spec.Next)
			return due, ok, nil
		}
		due, ok := firstWall(after, zone, spec.Next)
		return due, ok, nil
	default:
		days, err := newDays(s)
		if err != nil {
			return time.Time{}, false, err
		}
		due, ok := firstWall(after, zone, days.next)
		return due, ok, nil
	}
}

// everyAfter is the first anchor + k × every after the given instant. The anchor is
// itself due (k = 0).
func (c Calendar) everyAfter(every time.Duration, after time.Time) time.Time {
	anchor := c.Anchor
	if c.Start != nil {
		anchor = *c.Start
	}
	k := int64(after.Sub(anchor)/every) + 1
	if after.Before(anchor) {
		k = 0
	}
	return anchor.Add(time.Duration(k) * every).UTC()
}

func location(s schemas.Schedule, zone string) (*time.Location, error) {
	if s.Timezone != "" {
		zone = s.Timezone
	}
	if zone == "" {
		zone = "UTC"
	}
	if zone == "Local" {
		return nil, errors.New(`timezone "Local" means another zone on each machine; name one such as Europe/Berlin`)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("timezone %q is unknown; use a name such as Europe/Berlin", zone)
	}
	return loc, nil
}

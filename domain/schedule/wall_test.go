package schedule_test

import (
	"testing"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// steps are instants around which a zone's clock was or will be changed: by an hour, by
// half an hour, by two hours, by a whole day, at midnight, and for good rather than for
// the summer.
var steps = []struct{ zone, at, what string }{
	{"Europe/Berlin", "2026-03-29T01:00:00Z", "an hour forward"},
	{"Europe/Berlin", "2026-10-25T01:00:00Z", "an hour back"},
	{"America/New_York", "2026-11-01T06:00:00Z", "an hour back"},
	{"Australia/Lord_Howe", "2026-10-03T15:30:00Z", "half an hour forward"},
	{"Australia/Lord_Howe", "2026-04-04T15:00:00Z", "half an hour back"},
	{"Antarctica/Troll", "2026-03-29T01:00:00Z", "two hours forward"},
	{"Antarctica/Troll", "2026-10-25T01:00:00Z", "two hours back"},
	{"America/Santiago", "2026-09-06T04:00:00Z", "an hour forward at midnight"},
	{"America/Havana", "2026-11-01T05:00:00Z", "an hour back to midnight"},
	{"Asia/Almaty", "2024-02-29T19:00:00Z", "an hour back over midnight, for good"},
	{"America/Caracas", "2016-05-01T07:00:00Z", "half an hour forward, for good"},
	{"Asia/Pyongyang", "2015-08-14T15:00:00Z", "half an hour back over midnight, for good"},
	{"Europe/Volgograd", "2020-12-26T23:00:00Z", "an hour back, for good"},
	{"Pacific/Apia", "2011-12-30T10:00:00Z", "a day forward"},
	{"Pacific/Kwajalein", "1993-08-21T12:00:00Z", "a day forward"},
	{"America/Metlakatla", "2015-11-01T10:00:00Z", "the summer ends and the zone changes at once"},
	{"Africa/Casablanca", "2026-02-15T02:00:00Z", "an hour back for a month"},
	{"Asia/Kathmandu", "2026-03-29T01:00:00Z", "nothing"},
}

// rule is a schedule, and which minutes of the clock it names.
type rule struct {
	s     schemas.Schedule
	names func(clock time.Time) bool
}

// fixed rules fall due once for each time that they name, even if the clock shows it
// twice or skips it.
var fixed = []rule{
	{daily("00:00"), func(c time.Time) bool { return c.Hour() == 0 && c.Minute() == 0 }},
	{daily("02:30", "01:45"), func(c time.Time) bool {
		return c.Hour() == 2 && c.Minute() == 30 || c.Hour() == 1 && c.Minute() == 45
	}},
	{schemas.Schedule{Cron: "15 2 * * *"}, func(c time.Time) bool { return c.Hour() == 2 && c.Minute() == 15 }},
	{schemas.Schedule{Cron: "10,50 1-2 * * *"}, func(c time.Time) bool { return (c.Hour() == 1 || c.Hour() == 2) && c.Minute()%40 == 10 }},
	{schemas.Schedule{Cron: "30 23 * * *"}, func(c time.Time) bool { return c.Hour() == 23 && c.Minute() == 30 }},
	{schemas.Schedule{Cron: "0/20 2 * * *"}, func(c time.Time) bool { return c.Hour() == 2 && c.Minute()%20 == 0 }},
	{schemas.Schedule{Cron: "30 0-22 * * *"}, func(c time.Time) bool { return c.Hour() < 23 && c.Minute() == 30 }},
}

// repeating rules fall due whenever the clock shows what they name.
var repeating = []rule{
	{schemas.Schedule{Cron: "0 * * * *"}, func(c time.Time) bool { return c.Minute() == 0 }},
	{schemas.Schedule{Cron: "*/20 * * * *"}, func(c time.Time) bool { return c.Minute()%20 == 0 }},
	{schemas.Schedule{Cron: "*/20 1 * * *"}, func(c time.Time) bool { return c.Minute()%20 == 0 && c.Hour() == 1 }},
	{schemas.Schedule{Cron: "30 */2 * * *"}, func(c time.Time) bool { return c.Minute() == 30 && c.Hour()%2 == 0 }},
	{schemas.Schedule{Cron: "30 ? * * *"}, func(c time.Time) bool { return c.Minute() == 30 }},
	{schemas.Schedule{Cron: "30 0-23 * * *"}, func(c time.Time) bool { return c.Minute() == 30 }},
	{schemas.Schedule{Cron: "5 0-11,12-23 * * *"}, func(c time.Time) bool { return c.Minute() == 5 }},
	{schemas.Schedule{Cron: "0-59 2 * * *"}, func(c time.Time) bool { return c.Hour() == 2 }},
}

// TestSchedulesAgainstTheClock compares with a walk over every minute around the clock's
// steps, which knows the clock's face only.
func TestSchedulesAgainstTheClock(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		zone, err := time.LoadLocation(step.zone)
		if err != nil {
			t.Fatal(err)
		}
		end := at(t, step.at).Add(30 * time.Hour)
		begin := end.Add(-90 * time.Hour)
		for _, r := range fixed {
			check(t, step.zone, step.what, r.s, begin, end, dueOnce(r.names, zone, begin, end))
		}
		for _, r := range repeating {
			check(t, step.zone, step.what, r.s, begin, end, dueShown(r.names, zone, begin, end))
		}
	}
}

// dueShown is every minute at which the clock shows what is named.
func dueShown(names func(time.Time) bool, zone *time.Location, begin, end time.Time) (due []time.Time) {
	for minute := begin.Add(time.Minute); minute.Before(end); minute = minute.Add(time.Minute) {
		if names(minute.In(zone)) {
			due = append(due, minute)
		}
	}
	return due
}

// dueOnce is every minute at which the clock passes something named for the first time:
// it shows a later minute than it has ever shown, and one of those in between is named.
func dueOnce(names func(time.Time) bool, zone *time.Location, begin, end time.Time) (due []time.Time) {
	const earlier = 27 * time.Hour // more than any step goes back
	latest := clockFace(begin.Add(-earlier), zone)
	for minute := begin.Add(-earlier); minute.Before(end); minute = minute.Add(time.Minute) {
		passed := false
		for now := clockFace(minute, zone); latest.Before(now); {
			latest = latest.Add(time.Minute)
			passed = passed || names(latest)
		}
		if passed && minute.After(begin) {
			due = append(due, minute)
		}
	}
	return due
}

// clockFace is what the clock shows, as a time that knows no zone.
func clockFace(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
}

func check(t *testing.T, zone, what string, s schemas.Schedule, begin, end time.Time, want []time.Time) {
	t.Helper()
	cal := schedule.Calendar{Schedules: []schemas.Schedule{s}, Zone: zone}
	after := begin
	for _, minute := range append(want, end) {
		due, ok, err := cal.Next(after)
		if err != nil || !ok {
			t.Fatalf("%s (%s), %+v: %v, %v", zone, what, s, ok, err)
		}
		if minute.Equal(end) && !due.Before(end) {
			return
		}
		if !due.Equal(minute) {
			t.Errorf("%s (%s), %s: %s is due (%s there), want %s", zone, what, schedule.Describe([]schemas.Schedule{s}, zone), due, due.In(mustZone(t, zone)), minute.UTC())
			return
		}
		after = due
	}
}

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

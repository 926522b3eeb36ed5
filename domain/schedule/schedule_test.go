package schedule_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func daily(times ...string) schemas.Schedule {
	return schemas.Schedule{DaysOfWeek: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, Times: times}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		s     schemas.Schedule
		zone  string
		after string
		want  []string
	}{
		{"every counts from the anchor", schemas.Schedule{Every: schemas.Duration(6 * time.Hour)}, "", "2026-11-24T10:00:00Z",
			[]string{"2026-11-24T14:30:00Z", "2026-11-24T20:30:00Z", "2026-11-25T02:30:00Z"}},
		{"every is strictly after", schemas.Schedule{Every: schemas.Duration(time.Hour)}, "", "2026-11-24T10:30:00Z", []string{"2026-11-24T11:30:00Z"}},
		{"the anchor itself is due", schemas.Schedule{Every: schemas.Duration(time.Hour)}, "", "2026-11-01T08:29:00Z", []string{"2026-11-01T08:30:00Z", "2026-11-01T09:30:00Z"}},
		{"at", schemas.Schedule{At: new(at(t, "2026-12-01T09:00:00+01:00"))}, "", "2026-11-24T10:00:00Z", []string{"2026-12-01T08:00:00Z", ""}},
		{"days of the week", schemas.Schedule{DaysOfWeek: []string{"mon", "Friday"}, Times: []string{"18:00", "09:00"}}, "Asia/Kolkata", "2026-11-27T03:29:59Z",
			[]string{"2026-11-27T03:30:00Z", "2026-11-27T12:30:00Z", "2026-11-30T03:30:00Z"}},
		{"last day of the month", schemas.Schedule{DaysOfMonth: []schemas.MonthDay{1, schemas.LastDay}, Times: []string{"00:00"}}, "UTC", "2028-01-31T12:00:00Z",
			[]string{"2028-02-01T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"}},
		{"a month without the day is left out", schemas.Schedule{DaysOfMonth: []schemas.MonthDay{31}, Times: []string{"09:00"}}, "UTC", "2026-03-31T09:00:00Z",
			[]string{"2026-05-31T09:00:00Z", "2026-07-31T09:00:00Z"}},
		{"cron", schemas.Schedule{Cron: "0 9 * * 1", Timezone: "America/New_York"}, "UTC", "2026-11-24T00:00:00Z", []string{"2026-11-30T14:00:00Z"}},
		{"cron of a leap day", schemas.Schedule{Cron: "0 0 29 2 *"}, "UTC", "2026-11-24T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		{"cron that never comes", schemas.Schedule{Cron: "0 0 30 2 *"}, "UTC", "2026-11-24T00:00:00Z", []string{""}},

		{"Berlin gap: first instant after", daily("02:30"), "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"Berlin gap, cron", schemas.Schedule{Cron: "30 2 * * *"}, "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"Berlin gap: two times collapse", daily("02:10", "02:50", "03:00"), "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:10:00Z"}},
		{"Berlin overlap: once", daily("02:30"), "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"Berlin overlap, between the two", daily("02:30"), "Europe/Berlin", "2026-10-25T00:31:00Z", []string{"2026-10-26T01:30:00Z"}},
		{"New York gap", daily("02:30"), "America/New_York", "2026-03-07T12:00:00Z", []string{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
		{"New York overlap", daily("01:30"), "America/New_York", "2026-10-31T12:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"Lord Howe: half an hour", daily("02:15"), "Australia/Lord_Howe", "2026-10-03T00:00:00Z", []string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
		{"Lord Howe overlap", daily("01:45"), "Australia/Lord_Howe", "2026-04-04T00:00:00Z", []string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		{"Santiago skips midnight", daily("00:00"), "America/Santiago", "2026-09-05T12:00:00Z", []string{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}},
		{"Berlin overlap, hourly: both hours", schemas.Schedule{Cron: "30 * * * *"}, "Europe/Berlin", "2026-10-24T23:45:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		{"Berlin overlap, every quarter of one hour", schemas.Schedule{Cron: "*/30 2 * * *"}, "Europe/Berlin", "2026-10-24T23:45:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z"}},
		{"Berlin overlap, a fixed cron: once", schemas.Schedule{Cron: "30 2 * * *"}, "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"Berlin gap, hourly: what is skipped is not made up for", schemas.Schedule{Cron: "30 * * * *"}, "Europe/Berlin", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}},
		{"Apia skipped a day", daily("12:00"), "Pacific/Apia", "2011-12-29T23:00:00Z", []string{"2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"}},
		{"Kathmandu has no steps", daily("09:00"), "Asia/Kathmandu", "2026-03-29T00:00:00Z", []string{"2026-03-29T03:15:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cal := schedule.Calendar{Schedules: []schemas.Schedule{c.s}, Zone: c.zone, Anchor: at(t, "2026-11-01T08:30:00Z")}
			after := at(t, c.after)
			for _, want := range c.want {
				due, ok, err := cal.Next(after)
				if err != nil {
					t.Fatal(err)
				}
				got := ""
				if ok {
					got = due.Format(time.RFC3339)
				}
				if got != want {
					t.Fatalf("after %s: got %q, want %q", after.Format(time.RFC3339), got, want)
				}
				after = due
			}
		})
	}
}

func TestStartAndEnd(t *testing.T) {
	t.Parallel()
	cal := schedule.Calendar{
		Schedules: []schemas.Schedule{{Every: schemas.Duration(time.Hour)}, {Cron: "15 * * * *"}},
		Start:     new(at(t, "2026-11-24T10:00:00Z")), End: new(at(t, "2026-11-24T11:15:00Z")),
		Anchor: at(t, "2026-11-01T00:37:00Z"),
	}
	after := at(t, "2026-11-20T00:00:00Z")
	for _, want := range []string{"10:00", "10:15", "11:00", "11:15"} {
		due, ok, err := cal.Next(after)
		if err != nil || !ok || due.Format("15:04") != want {
			t.Fatalf("after %s: got %v, %v, %v, want %s", after, due, ok, err, want)
		}
		after = due
	}
	if due, ok, _ := cal.Next(after); ok {
		t.Errorf("past the end %s is due", due)
	}
}

func TestLatestCollapsesWhatWasMissed(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-24T10:00:00Z")
	for _, c := range []struct {
		name  string
		s     schemas.Schedule
		after string
		want  string
	}{
		{"nothing was due", schemas.Schedule{Every: schemas.Duration(6 * time.Hour)}, "2026-11-24T09:00:00Z", ""},
		{"now is due", daily("10:00"), "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"},
		{"the last of many", schemas.Schedule{Every: schemas.Duration(time.Second)}, "2024-01-01T00:00:00Z", "2026-11-24T10:00:00Z"},
		{"a rare one", schemas.Schedule{Cron: "0 0 29 2 *"}, "2020-01-01T00:00:00Z", "2024-02-29T00:00:00Z"},
		{"none of that kind", schemas.Schedule{At: &now}, "2026-11-24T10:00:00Z", ""},
	} {
		cal := schedule.Calendar{Schedules: []schemas.Schedule{c.s}, Anchor: at(t, "2024-01-01T00:00:00Z").Add(-time.Hour)}
		due, ok, err := cal.Latest(at(t, c.after), now)
		got := ""
		if ok {
			got = due.Format(time.RFC3339)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

// TestNextIsOrdered steps through random instants and zones: what is due comes
// strictly later, shows the wanted clock face or follows a gap, and looking from
// just before it finds it again.
func TestNextIsOrdered(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Asia/Kolkata", "Pacific/Apia"}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 3000 {
		zone := zones[r.IntN(len(zones))]
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		clock := time.Date(0, 1, 1, r.IntN(4), r.IntN(60), 0, 0, time.UTC).Format("15:04")
		cal := schedule.Calendar{Schedules: []schemas.Schedule{daily(clock)}, Zone: zone}
		after := time.Date(2010+r.IntN(20), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
		due, ok, err := cal.Next(after)
		if err != nil || !ok || !due.After(after) || due.Sub(after) > 50*time.Hour {
			t.Fatalf("seed %d: %s %s after %s: %v, %v, %v", seed, zone, clock, after, due, ok, err)
		}
		start, _ := due.In(loc).ZoneBounds()
		if face := due.In(loc).Format("15:04"); face != clock && !start.Equal(due) {
			t.Fatalf("seed %d: %s %s after %s: due at %s", seed, zone, clock, after, face)
		}
		if again, _, _ := cal.Next(due.Add(-time.Nanosecond)); !again.Equal(due) {
			t.Fatalf("seed %d: %s %s: %s and then %s", seed, zone, clock, due, again)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone string
		s          schemas.Schedule
		want       string // "" is valid
	}{
		{"every", "", schemas.Schedule{Every: schemas.Duration(time.Hour)}, ""},
		{"daily", "Europe/Berlin", daily("09:00", "21:30:15"), ""},
		{"month", "", schemas.Schedule{DaysOfMonth: []schemas.MonthDay{1, schemas.LastDay}, Times: []string{"09:00"}}, ""},
		{"cron", "", schemas.Schedule{Cron: "*/5 9-17 * * mon-fri"}, ""},
		{"nothing", "", schemas.Schedule{}, "exactly one of"},
		{"two kinds", "", schemas.Schedule{Every: schemas.Duration(time.Hour), Cron: "* * * * *"}, "exactly one of"},
		{"too often", "", schemas.Schedule{Every: schemas.Duration(time.Millisecond)}, "at least 1s"},
		{"no times", "", schemas.Schedule{DaysOfWeek: []string{"mon"}}, "times: name at least one"},
		{"times alone", "", schemas.Schedule{Cron: "* * * * *", Times: []string{"09:00"}}, "times: belong to"},
		{"bad time", "", daily("24:00"), `"24:00" is not a time of day`},
		{"bad day", "", schemas.Schedule{DaysOfWeek: []string{"mo"}, Times: []string{"09:00"}}, `"mo" is not one of mon`},
		{"bad month day", "", schemas.Schedule{DaysOfMonth: []schemas.MonthDay{32}, Times: []string{"09:00"}}, "1 to 31 or last"},
		{"Sunday as 7", "", schemas.Schedule{Cron: "0 9 * * 7"}, "write 0 or sun for Sunday"},
		{"minute 61", "", schemas.Schedule{Cron: "61 * * * *"}, "minute 61 does not exist; write 0 to 59"},
		{"hour in a range", "", schemas.Schedule{Cron: "0 9-24/2 * * *"}, "hour 24 does not exist; write 0 to 23"},
		{"February 29", "", schemas.Schedule{Cron: "0 9 29 2 *"}, ""},
		{"seconds in cron", "", schemas.Schedule{Cron: "0 0 9 * * 1"}, "want five fields"},
		{"zone in cron", "", schemas.Schedule{Cron: "TZ=UTC 0 9 * * 1"}, "want five fields"},
		{"macro", "", schemas.Schedule{Cron: "@every 1h"}, "want five fields"},
		{"zone", "Europe/Berlim", daily("09:00"), `"Europe/Berlim" is unknown`},
		{"zone of every", "", schemas.Schedule{Every: schemas.Duration(time.Hour), Timezone: "UTC"}, "know no zone"},
		{"local", "Local", daily("09:00"), "another zone on each machine"},
	} {
		err := schedule.Validate([]schemas.Schedule{c.s}, c.zone)
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		_, _, nextErr := schedule.Calendar{Schedules: []schemas.Schedule{c.s}, Zone: c.zone}.Next(time.Now())
		if (err == nil) != (nextErr == nil) {
			t.Errorf("%s: Validate says %v and Next %v", c.name, err, nextErr)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	for want, s := range map[string][]schemas.Schedule{
		"by hand":            nil,
		"every 6h":           {{Every: schemas.Duration(6 * time.Hour)}},
		"mon at 09:00 (UTC)": {{DaysOfWeek: []string{"mon"}, Times: []string{"09:00"}}},
		"every 1d; cron 0 9 * * 1 (Asia/Kolkata)":        {{Every: schemas.Duration(24 * time.Hour)}, {Cron: "0 9 * * 1", Timezone: "Asia/Kolkata"}},
		"day 1, last of the month at 09:00, 10:00 (UTC)": {{DaysOfMonth: []schemas.MonthDay{1, schemas.LastDay}, Times: []string{"09:00", "10:00"}}},
		"once at 2026-12-01T09:00:00Z":                   {{At: new(at(t, "2026-12-01T09:00:00Z"))}},
	} {
		if got := schedule.Describe(s, ""); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestNeverDue: what is never due is refused where it is written; what was
// applied before stays readable.
func TestNeverDue(t *testing.T) {
	t.Parallel()
	for text, never := range map[string]bool{"0 9 30 2 *": true, "0 9 31 4,6 *": true, "0 9 29 2 *": false, "0 9 31 * *": false, "0 9 30 2 1": false} {
		err := schedule.Validate([]schemas.Schedule{{Cron: text}}, "UTC")
		if never != (err != nil) || never && !strings.Contains(err.Error(), "is never due") {
			t.Errorf("%s: %v", text, err)
		}
		if _, ok, err := (schedule.Calendar{Schedules: []schemas.Schedule{{Cron: text}}}).Next(time.Now()); err != nil || ok == never {
			t.Errorf("%s: next is %v, %v", text, ok, err)
		}
	}
}

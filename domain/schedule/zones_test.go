package schedule_test

import (
	"testing"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// TestTenZonesOverThreeYears compares the due instants with another computation: it
// walks through three years by quarters of an hour, which is as fine as zones differ
// today, and looks at the clock of the zone.
//
// A time of day is due when the clock first shows it or, on a day on which the clock skips
// it, at the end of the gap.
func TestTenZonesOverThreeYears(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Auckland", "Africa/Casablanca", "America/St_Johns",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			from := time.Date(2025, 1, 1, 0, 0, 30, 0, time.UTC)
			to := from.AddDate(3, 0, 0)
			for _, at := range []struct{ hour, minute int }{{2, 30}, {0, 0}, {23, 45}} {
				cal := schedule.Calendar{Zone: name, Schedules: []schemas.Schedule{{
					DaysOfWeek: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, Times: []string{time.Date(0, 1, 1, at.hour, at.minute, 0, 0, time.UTC).Format("15:04")},
				}}}
				want := walk(zone, from, to, at.hour*60+at.minute)
				after := from
				for i, due := range want {
					got, ok, err := cal.Next(after)
					if err != nil || !ok || !got.Equal(due) {
						t.Fatalf("%02d:%02d, instant %d after %s: %s, want %s (%v)", at.hour, at.minute, i, after, got.In(zone), due.In(zone), err)
					}
					after = got
				}
				if got, _, _ := cal.Next(after); got.Before(to) {
					t.Errorf("%02d:%02d: %s is one too many", at.hour, at.minute, got)
				}
			}
		})
	}
}

const quarter = 15 * time.Minute

// walk returns the first quarter of an hour of each day at which the clock shows the time of day or
// has passed it.
func walk(zone *time.Location, from, to time.Time, minuteOfDay int) []time.Time {
	var out []time.Time
	day := "" // on which the time has come already
	if local := from.In(zone); local.Hour()*60+local.Minute() >= minuteOfDay {
		day = local.Format(time.DateOnly)
	}
	for at := from.Truncate(quarter).Add(quarter); at.Before(to); at = at.Add(quarter) {
		local := at.In(zone)
		if today := local.Format(time.DateOnly); today != day && local.Hour()*60+local.Minute() >= minuteOfDay {
			out, day = append(out, at), today
		}
	}
	return out
}

package book_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestEveryOverStepsOfTheClock: a clock that jumps ahead makes one run due, however many
// instants it passes; once it is right again the schedule goes on within ten minutes, in
// the process that saw the jump and in the next one. A clock that was only a little ahead
// makes nothing run twice.
func TestEveryOverStepsOfTheClock(t *testing.T) {
	t.Parallel()
	const often = 20 * time.Minute
	again := `a.2/1 incremental "` + moved + `" `
	for name, c := range map[string]struct {
		ahead time.Duration
		first string // trigger once the clock is back and a minute past the newest instant
		next  string // trigger at the next instant
	}{
		"years":                         {10_000 * time.Hour, "", again},
		"an hour":                       {time.Hour, "", again},
		"a little: nothing is repeated": {often, "", ""},
	} {
		for _, takeover := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, takeover %v", name, takeover), func(t *testing.T) {
				t.Parallel()
				d := newFixture(t)
				start := d.now
				d.define(nil)
				d.define(every(often))
				d.now = start.Add(c.ahead)
				d.wantTriggers(d.step(nil), `a.1/1 full "" `)
				d.succeed("a.1", 1, 0, 1)
				d.now = start.Add(often - 10*time.Minute)
				if takeover {
					d.b = d.reload()
				}
				d.wantTriggers(d.step(nil), c.first)
				d.now = start.Add(often)
				d.wantTriggers(d.step(nil), c.next)
			})
		}
	}
}

// TestEachInstantOnceOverStepsOfTheClock: the clock jumps ahead by an hour, is set back by
// one, or both, in steps of which each looks at the clock. Each due instant has one run by
// itself, or shares one with those that the clock jumped over.
func TestEachInstantOnceOverStepsOfTheClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		minutes []int  // that the clock shows, one step each; the schedule is every 20 minutes
		want    string // the instants that were run
	}{
		{"ahead, and it stays so", []int{20, 30, 90, 100, 120}, "20 40-80 100 120"},
		{"back, although it was right, and right again", []int{20, 40, 60, 80, 25, 30, 40, 60, 80, 100, 110}, "20 40 60 80 100"},
		{"back, and it stays so", []int{20, 40, 60, 80, 20, 40, 60, 80, 100, 120}, "20 40 60 80 100 120"},
		{"ahead and back", []int{20, 90, 35, 40, 60, 80, 100}, "20 40-80 40 60 100"},
		{"back, with a gap when it is right again", []int{20, 40, 60, 80, 20, 30, 140, 160}, "20 40 60 80 100-140 160"},
		{"ahead and back, and a gap", []int{20, 90, 35, 85, 100}, "20 40-80 40-60 100"},
		{"back twice", []int{20, 40, 60, 80, 20, 40, 60, 10, 20, 40, 60, 80, 100}, "20 40 60 80 100"},
		{"ahead and back, twice", []int{20, 100, 50, 60, 110, 70, 80, 100, 120}, "20 40-100 60 80 120"},
		{"back by a little", []int{20, 40, 60, 55, 60, 80}, "20 40 60 80"},
		{"back by three hours: each once more", []int{180, 200, 10, 20, 40, 180, 200, 220}, "20-180 200 20 40 60-180 200 220"},
	} {
		for _, takeover := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, takeover %v", c.name, takeover), func(t *testing.T) {
				t.Parallel()
				d := newFixture(t)
				start := d.now
				d.define(nil)
				d.define(every(20 * time.Minute))
				minute := func(at *time.Time) int { return int(at.Sub(start).Minutes()) }
				var got []string
				for _, shown := range c.minutes {
					d.now = start.Add(time.Duration(shown) * time.Minute)
					if takeover {
						d.b = d.reload()
					}
					if triggers := d.step(nil).Triggers; len(triggers) > 0 {
						a := d.state().Active
						due := fmt.Sprint(minute(a.Due))
						if a.DueFrom != nil {
							due = fmt.Sprintf("%d-%d", minute(a.DueFrom), minute(a.Due))
						}
						got = append(got, due)
						d.succeed(a.Run, 1, int64(len(got)-1), 1)
					}
				}
				if got := strings.Join(got, " "); got != c.want {
					t.Errorf("runs of %s, want %s", got, c.want)
				}
			})
		}
	}
}

// TestOtherSchedulesAfterAClockThatIsSetBack: what was acted on were the instants of the
// schedules before.
func TestOtherSchedulesAfterAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	d.define(nil)
	d.define(every(20 * time.Minute))
	for run, minute := range []int{20, 40, 60} {
		d.now = start.Add(time.Duration(minute) * time.Minute)
		d.step(nil)
		d.succeed(fmt.Sprintf("a.%d", run+1), 1, int64(run), 1)
	}
	d.now = start.Add(10 * time.Minute)
	d.step(nil)
	d.define(every(7 * time.Minute))
	d.now = start.Add(22 * time.Minute)
	if got := len(d.step(nil).Triggers); got != 1 {
		t.Errorf("%d triggers of the new schedules, want 1", got)
	}
}

// TestWhatAClockAheadHasNoted: nothing waits until the clock is there again.
func TestWhatAClockAheadHasNoted(t *testing.T) {
	t.Parallel()
	const years = 30_000 * time.Hour
	t.Run("a definition applied", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		start := d.now
		d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.AppliedAt = start.Add(years) })
		d.now = start.Add(time.Hour)
		d.wantTriggers(d.step(nil), `a.1/1 full "" `)
	})
	t.Run("another attempt", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		start := d.now
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.now = start.Add(years)
		d.reports("a.1", 1, schemas.Report{Abandoned: &schemas.Abandoned{Code: "snowflake_unavailable"}})
		d.now = start.Add(time.Minute)
		d.wantTriggers(d.step(nil), `a.1/2 full "" `)
	})
	t.Run("progress", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		start := d.now
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.now = start.Add(years)
		d.reports("a.1", 1, final(2))
		d.now = start.Add(time.Minute)
		d.step(nil)
		d.now = d.now.Add(config.Deadline + time.Minute)
		d.step(nil)
		d.want("a.1", schemas.StateFailed)
	})
	t.Run("a wait for an account", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		start := d.now
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.now = start.Add(years)
		d.reports("a.1", 1, final(2), schemas.Report{Waiting: &schemas.Waiting{Stage: schemas.StageLoad, Account: "main", Reason: "refused"}})
		d.now = start.Add(time.Minute)
		d.step(nil)
		d.now = d.now.Add(config.Deadline + schemas.WaitingExpiry + time.Minute)
		d.step(nil)
		d.want("a.1", schemas.StateFailed)
	})
	t.Run("a run that comes after others", func(t *testing.T) {
		t.Parallel()
		d := newFixture(t)
		start := d.now
		d.define(func(def *schemas.Definition) { def.Spec.After = []string{"b"} })
		d.now = start.Add(years)
		d.command(schemas.CommandRun, "k", nil)
		d.now = start.Add(time.Minute)
		d.step(nil)
		d.now = d.now.Add(time.Minute)
		d.wantTriggers(d.step(nil), `a.1/1 full "" `)
	})
}

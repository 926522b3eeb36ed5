package book_test

import (
	"fmt"
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
				d := newDesk(t)
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

// TestEveryOverAClockThatIsSetBack by an hour although it was right, and then set right:
// instants that it shows once more are run once more, and none of them twice.
func TestEveryOverAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	start := d.now
	d.define(nil)
	d.define(every(20 * time.Minute))
	runs := 0
	for _, minute := range []int{20, 40, 60, 80, 20, 30, 40, 60, 80, 100, 110} {
		d.now = start.Add(time.Duration(minute) * time.Minute)
		if c := d.step(nil); len(c.Triggers) > 0 {
			runs++
			d.succeed(fmt.Sprintf("a.%d", runs), 1, int64(runs-1), 1)
		}
	}
	// Four; the instants of 20, 40, 60 and 80 minutes once more; that of 100.
	if runs != 9 {
		t.Errorf("%d runs, want 9", runs)
	}
}

// TestWhatAClockAheadHasNoted: nothing waits until the clock is there again.
func TestWhatAClockAheadHasNoted(t *testing.T) {
	t.Parallel()
	const years = 30_000 * time.Hour
	t.Run("a definition applied", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		start := d.now
		d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.AppliedAt = start.Add(years) })
		d.now = start.Add(time.Hour)
		d.wantTriggers(d.step(nil), `a.1/1 full "" `)
	})
	t.Run("another attempt", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
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
		d := newDesk(t)
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
		d := newDesk(t)
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
		d := newDesk(t)
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

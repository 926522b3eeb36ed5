package book_test

import (
	"testing"
	"time"

	"tapline.dev/schemas"
)

// every gives an import an interval. Only where the import is applied for the first
// time is a run due at once, so that tests define it without one before.
func every(interval time.Duration) func(*schemas.Definition) {
	return func(def *schemas.Definition) {
		def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(interval)}}
	}
}

func TestDueInstants(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	d.define(nil)
	d.wantTriggers(d.define(every(time.Hour)), "")
	if wake, ok := d.b.NextWake(); !ok || !wake.Equal(start.Add(time.Hour)) {
		t.Fatalf("the alarm is set to %v, %v", wake, ok)
	}
	d.now = start.Add(time.Hour - 1)
	d.wantTriggers(d.step(nil), "")
	d.now = start.Add(time.Hour)
	c := d.step(nil)
	d.wantTriggers(c, `a.1/1 full "" `)
	if s := d.state(); !s.LastDue.Equal(d.now) || c.Triggers[0].Cause != schemas.CauseSchedule || c.Triggers[0].Key != "2026-11-24T09:00:00Z" {
		t.Errorf("trigger %+v, state %+v", c.Triggers[0], s)
	}
	d.wantTriggers(d.step(nil), "")
	// The run continues past the next instant: one run waits, and no more.
	d.now = start.Add(4*time.Hour + time.Minute)
	d.step(nil)
	d.want("a.2", schemas.StateQueued)
	if s := d.state(); !s.LastDue.Equal(start.Add(4 * time.Hour)) {
		t.Errorf("last due %v", s.LastDue)
	}
	d.succeed("a.1", 1, 0, 1)
	d.succeed("a.2", 1, 1, 1)
	// An edit shifts nothing.
	d.now = start.Add(4*time.Hour + 10*time.Minute)
	d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.Metadata.DisplayName = "A" })
	if wake, _ := d.b.NextWake(); !wake.Equal(start.Add(5 * time.Hour)) {
		t.Errorf("after an edit the alarm is set to %v", wake)
	}
}

func TestMissedInstants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		catchUp string
		late    time.Duration
		want    int
	}{
		"latest: many collapse into one": {"", 5 * time.Hour, 1},
		"skip: none":                     {"skip", 5*time.Hour + 2*time.Minute, 0},
		"skip: a little late is on time": {"skip", 5*time.Hour + 30*time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			start := d.now
			d.define(nil)
			d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.Spec.CatchUp = c.catchUp })
			d.now = start.Add(c.late)
			if got := len(d.step(nil).Triggers); got != c.want {
				t.Errorf("%d triggers, want %d", got, c.want)
			}
			if s := d.state(); !s.LastDue.Equal(start.Add(5 * time.Hour)) {
				t.Errorf("last due %v", s.LastDue)
			}
			if wake, _ := d.b.NextWake(); !wake.Equal(start.Add(6 * time.Hour)) {
				t.Errorf("the alarm is set to %v", wake)
			}
		})
	}
}

// TestEditsLoseNoInstant: a definition that is edited while nobody takes up what
// falls due keeps it; another schedule begins when it is applied.
func TestEditsLoseNoInstant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*schemas.Definition)
		want int
	}{
		"something else is edited": {func(def *schemas.Definition) { every(time.Hour)(def); def.Metadata.DisplayName = "A" }, 1},
		"the query is edited":      {func(def *schemas.Definition) { every(time.Hour)(def); def.Spec.Source.Query = "select 2" }, 1},
		"the schedule is edited":   {every(50 * time.Minute), 0},
		"an end is set": {func(def *schemas.Definition) {
			every(time.Hour)(def)
			end := time.Now().Add(1e6 * time.Hour)
			def.Spec.End = &end
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.define(nil)
			d.define(every(time.Hour))
			// No step at the instant: whoever owns the partition is down.
			d.now = d.now.Add(time.Hour + time.Minute)
			if got := len(d.define(c.edit).Triggers); got != c.want {
				t.Errorf("%d triggers, want %d", got, c.want)
			}
		})
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	d.define(nil)
	d.define(every(time.Hour))
	d.command(schemas.CommandPause, "p", nil)
	if l := d.b.Listing("a"); l.Status != "Paused" || l.NextRunAt != nil {
		t.Errorf("listing %+v", l)
	}
	d.now = start.Add(3*time.Hour + time.Minute)
	d.wantTriggers(d.step(nil), "")
	d.wantTriggers(d.command(schemas.CommandResume, "r", nil), "")
	if l := d.b.Listing("a"); l.Status != "Scheduled" || !l.NextRunAt.Equal(start.Add(4*time.Hour)) {
		t.Errorf("listing %+v", l)
	}
	d.now = start.Add(4 * time.Hour)
	d.wantTriggers(d.step(nil), `a.1/1 full "" `)
}

func TestScheduleApplies(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	// A schedule that is added to an old import does not make up for the past.
	d.now = d.now.Add(48 * time.Hour)
	d.define(nil)
	d.wantTriggers(d.define(every(time.Hour)), "")
	// One whose start lies ahead begins there.
	at := d.now.Add(90 * time.Minute)
	d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.Spec.Start = &at })
	d.now = at
	d.wantTriggers(d.step(nil), `a.1/1 full "" `)
	d.succeed("a.1", 1, 0, 1)
	// One that has ended is over.
	d.define(func(def *schemas.Definition) { every(time.Hour)(def); def.Spec.End = new(at.Add(-time.Hour)) })
	if l := d.b.Listing("a"); l.Status != "Stopped" || l.NextRunAt != nil {
		t.Errorf("listing %+v", l)
	}
	// One that makes no sense stops nothing else.
	d.define(func(def *schemas.Definition) { def.Spec.Schedules = []schemas.Schedule{{Cron: "nonsense"}} })
	d.wantTriggers(d.command(schemas.CommandRun, "k", nil), `a.2/1 incremental "`+moved+`" `)
}

func TestDueInstantWaitsBehindABackfill(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	d.define(nil)
	d.define(every(time.Hour))
	d.command(schemas.CommandRun, "k", nil)
	d.command(schemas.CommandBackfill, "b", nil)
	d.now = start.Add(time.Hour)
	d.step(nil)
	if s := d.state(); s.LastDue != nil || s.Queued.Mode != schemas.ModeBackfill {
		t.Fatalf("state %+v", s)
	}
	d.succeed("a.1", 1, 0, 1)
	if s := d.state(); s.LastDue == nil || s.Queued == nil || s.Queued.Cause != schemas.CauseSchedule {
		t.Errorf("the instant was lost: %+v", s)
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(func(def *schemas.Definition) { def.Metadata.DisplayName = "Customers" })
	if l := d.b.Listing("a"); l.Status != "Ready" || l.Schedule != "by hand" || l.Health != nil || l.LastRun != "" || l.DisplayName != "Customers" || l.Type != "profile" {
		t.Errorf("listing %+v", l)
	}
	d.command(schemas.CommandRun, "k", nil)
	if l := d.b.Listing("a"); l.Status != "Running" || l.LastRun != "a.1" || l.LastRunState != schemas.StateExtracting {
		t.Errorf("listing %+v", l)
	}
	d.reports("a.1", 1, final(10), schemas.Report{Mapped: &schemas.Mapped{Mapped: 8, RejectsByCode: map[string]int64{"date_format": 2}}},
		loaded(0, 6), schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: 6, From: 7, To: 7}}, Skipped: []schemas.OffsetOutcome{{Offset: 7, Code: schemas.SkipSuperseded}}}})
	if l := d.b.Listing("a"); l.Status != "Ready" || l.Health == nil || *l.Health != 0.8 || l.LastRunState != schemas.StateSucceededWithRejects || l.Watermark != moved {
		t.Errorf("listing %+v", l)
	}
}

func TestAfterOtherImports(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(func(def *schemas.Definition) { def.Spec.After = []string{"b", "c"} })
	d.wantTriggers(d.command(schemas.CommandRun, "k1", nil), "")
	d.want("a.1", schemas.StateQueued)
	// Nobody else has shown up within the grace.
	d.now = d.now.Add(3 * time.Second)
	d.wantTriggers(d.step(nil), `a.1/1 full "" `)
	d.succeed("a.1", 1, 0, 1)

	asked := d.now
	d.command(schemas.CommandRun, "k2", nil)
	d.command(schemas.CommandRun, "k3", nil)
	d.busy["c"] = asked.Add(-time.Second)
	d.busy["b"] = asked.Add(time.Second) // asked for later: it does not go first, or both would wait for each other
	d.now = d.now.Add(59 * time.Minute)
	d.wantTriggers(d.step(nil), "")
	delete(d.busy, "c")
	d.wantTriggers(d.step(nil), `a.2/1 incremental "`+moved+`" `)

	// One that waits behind its own run waits for the others as well, up to the limit.
	d.command(schemas.CommandRun, "k4", nil)
	d.busy["c"] = asked
	d.wantTriggers(d.succeed("a.2", 1, 1, 1), "")
	d.now = d.now.Add(time.Hour - 1)
	d.wantTriggers(d.step(nil), "")
	d.now = d.now.Add(1)
	d.wantTriggers(d.step(nil), `a.3/1 incremental "`+moved+`" `)
}

// TestClockSteps: a clock that is set back silences no schedule for longer than
// two hours, and one that is set on causes one run and not one for each instant
// in between.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.define(func(def *schemas.Definition) {
		def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(time.Minute)}}
	})
	began := d.now
	runs := 0
	pass := func(minutes int) {
		for range minutes {
			d.now = d.now.Add(time.Minute)
			if len(d.step(nil).Triggers) > 0 {
				runs++
				d.succeed(schemas.RunID("a", d.state().LastNumber), 1, int64(d.state().LastNumber)*10, 1)
			}
		}
	}
	pass(140)
	if runs != 140 {
		t.Fatalf("%d runs in 140 minutes", runs)
	}
	runs, d.now = 0, began.Add(10*time.Minute) // 130 minutes back
	pass(10)
	if runs < 9 || runs > 11 {
		t.Errorf("%d runs in the ten minutes after the clock was set far back", runs)
	}
	runs = 0
	d.now = d.now.Add(3 * time.Hour)
	pass(10)
	if runs != 10 {
		t.Errorf("%d runs in the ten minutes after the clock was set on", runs)
	}
	runs = 0
	d.now = d.now.Add(-2 * time.Minute)
	pass(10)
	if runs < 8 || runs > 10 {
		t.Errorf("%d runs in the ten minutes after a small step back", runs)
	}
}

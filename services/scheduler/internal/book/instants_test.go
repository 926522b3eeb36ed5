package book_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// hourly is due at each full hour, and not when it is applied.
func hourly(def *schemas.Definition) { def.Spec.Schedules = []schemas.Schedule{{Cron: "0 * * * *"}} }

// TestDueInstantsEnd: each due instant ends as one run, which may stand for several, or
// as a recorded skip.
func TestDueInstantsEnd(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	at := func(n int) *time.Time { due := start.Add(time.Duration(n) * time.Hour).UTC(); return &due }
	d.now = start.Add(time.Minute)
	d.define(hourly)
	stands := func(who string, due, from *time.Time, wantDue, wantFrom *time.Time) {
		t.Helper()
		if diff := cmp.Diff([]*time.Time{wantDue, wantFrom}, []*time.Time{due, from}); diff != "" {
			t.Errorf("%s stands for (-want +got):\n%s", who, diff)
		}
	}
	d.now = *at(1)
	d.step(nil)
	stands("a.1", d.state().Active.Due, d.state().Active.DueFrom, at(1), nil)
	for n := 2; n <= 4; n++ { // the run goes on while further instants fall due
		d.now = *at(n)
		d.step(nil)
	}
	stands("the queued run", d.state().Queued.Due, d.state().Queued.DueFrom, at(4), at(2))
	events := d.succeed("a.1", 1, 0, 1).Events
	for _, e := range events {
		if e.Run == "a.1" && e.State == schemas.StateSucceeded {
			stands("the event of a.1", e.Due, e.DueFrom, at(1), nil)
		}
	}
	stands("a.2", d.state().Active.Due, d.state().Active.DueFrom, at(4), at(2))
	if ok := d.state().LastSucceeded; ok == nil || ok.Run != "a.1" || ok.StartedAt.IsZero() {
		t.Errorf("the newest success is %+v", ok)
	}
	d.succeed("a.2", 1, 0, 1)

	d.now = *at(8) // nobody acted on 5, 6 and 7
	d.step(nil)
	stands("the run after an outage", d.state().Active.Due, d.state().Active.DueFrom, at(8), at(5))
	d.succeed("a.3", 1, 0, 1)

	d.command(schemas.CommandPause, "p", nil)
	d.now = *at(11)
	d.step(nil)
	d.command(schemas.CommandResume, "r", nil)
	want := []schemas.SkippedDue{{From: *at(9), To: *at(11), Reason: schemas.SkippedPaused, Time: d.now}}
	if diff := cmp.Diff(want, d.state().SkippedDue); diff != "" {
		t.Errorf("skips (-want +got):\n%s", diff)
	}
}

// TestLateInstantsAreRecorded: catchUp: skip says which instants it left out.
func TestLateInstantsAreRecorded(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	start := d.now
	d.now = start.Add(30 * time.Minute)
	d.define(func(def *schemas.Definition) { hourly(def); def.Spec.CatchUp = schemas.CatchUpSkip })
	for range schemas.MaxSkippedDue + 3 {
		d.now = d.now.Add(2 * time.Hour)
		d.step(nil)
	}
	skips := d.state().SkippedDue
	if len(skips) != schemas.MaxSkippedDue {
		t.Fatalf("%d skips are kept, want %d", len(skips), schemas.MaxSkippedDue)
	}
	next := skips[0].From
	for _, s := range skips {
		if s.Reason != schemas.SkippedLate || !s.From.Equal(next) || s.To.Sub(s.From) != time.Hour || s.To.Sub(start)%time.Hour != 0 {
			t.Errorf("skip %+v, want one from %v on", s, next)
		}
		next = s.To.Add(time.Hour)
	}
}

// TestWhoAsked: a run names who asked for it; one of a schedule names nobody.
func TestWhoAsked(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", func(c *schemas.Command) { c.Actor = "key:ci" })
	if a := d.state().Active; a.Actor != "key:ci" || a.Due != nil {
		t.Errorf("active run %+v", a)
	}
	d.command(schemas.CommandRun, "k2", func(c *schemas.Command) { c.Actor = "maya" })
	if q := d.state().Queued; q.Actor != "maya" {
		t.Errorf("queued run %+v", q)
	}
}

package book_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestEventsOfRunsThatDidNotSucceed are counted as repeated by the next one that
// does, where it is not known what the run read from and sent to.
func TestEventsOfRunsThatDidNotSucceed(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(asEvent)
	d.command(schemas.CommandRun, "k1", nil)
	early := final(6)
	early.Final.Early = true
	d.reports("a.1", 1, early, mapped(6), loaded(0, 3))
	d.command(schemas.CommandCancel, "c", nil)
	d.reports("a.1", 1, schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: 3, From: 4, To: 5}}, SkipReason: schemas.SkipCancelled}})
	if r := d.want("a.1", schemas.StateCancelled); r.Counts.Loaded != 4 || r.Counts.Repeated != 0 {
		t.Errorf("the cancelled run: %+v", r.Counts)
	}
	if s := d.state(); s.UnfinishedEvents != 4 || s.Events.Stored != 4 {
		t.Errorf("state %+v", s)
	}
	d.command(schemas.CommandRun, "k2", nil)
	d.succeed("a.2", 1, 6, 9)
	r := d.want("a.2", schemas.StateSucceeded)
	if r.Counts.Repeated != 4 || !strings.Contains(strings.Join(r.Notes, "\n"), "up to 4 events of attempts or runs that did not succeed had been stored") {
		t.Errorf("the next run: %+v, notes %q", r.Counts, r.Notes)
	}
	if s := d.state(); s.UnfinishedEvents != 0 || s.Events.Stored != 13 {
		t.Errorf("state %+v", s)
	}
	d.command(schemas.CommandRun, "k3", nil)
	d.succeed("a.3", 1, 15, 2)
	if r := d.want("a.3", schemas.StateSucceeded); r.Counts.Repeated != 0 || len(r.Notes) > 0 {
		t.Errorf("the run after: %+v, notes %q", r.Counts, r.Notes)
	}
}

// TestEventsOfAnAbandonedAttempt are counted as repeated if the extractor is of a
// version that does not leave them out.
func TestEventsOfAnAbandonedAttempt(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(asEvent)
	d.command(schemas.CommandRun, "k", nil)
	d.reports("a.1", 1, schemas.Report{Abandoned: &schemas.Abandoned{Extraction: extraction(5), Code: "chunks_short"}}, mapped(5), loaded(0, 4))
	d.now = d.now.Add(time.Minute)
	d.wantTriggers(d.step(nil), `a.1/2 full "" `)
	d.succeed("a.1", 2, 5, 7)
	r := d.want("a.1", schemas.StateSucceeded)
	if r.Counts.Repeated != 5 || r.Counts.Loaded != 12 {
		t.Errorf("closed as %+v, notes %q", r.Counts, r.Notes)
	}
}

// TestOpenRejects follows rejects over runs: they do not come back as unchanged.
func TestOpenRejects(t *testing.T) {
	t.Parallel()
	run := func(d *fixture, n int, e schemas.Extraction, rejected int64) schemas.Run {
		name := schemas.RunID("a", n)
		d.command(schemas.CommandRun, name, nil)
		e.ByPartition, e.Chunks = []int64{e.Extracted}, 1
		e.Read = e.Extracted + e.Unchanged + e.StillRejected
		base := int64(n) * 1000
		reports := []schemas.Report{{Final: &schemas.Final{Extraction: e, Clock: clock}}}
		if e.Extracted > 0 {
			reports = append(reports, schemas.Report{Mapped: &schemas.Mapped{Mapped: e.Extracted - rejected, RejectsByCode: map[string]int64{"date_format": rejected}}})
		}
		if e.Extracted > rejected {
			reports = append(reports, loaded(base, base+e.Extracted-rejected-1))
		}
		d.reports(name, 1, reports...)
		return d.newest(name)
	}
	want := func(d *fixture, r schemas.Run, state string, open int64, health float64) {
		d.t.Helper()
		l := d.b.Listing("a")
		if r.State != state || l.OpenRejects != open || l.Health == nil || *l.Health != health {
			d.t.Fatalf("%s is %s, open rejects %d, health %v; want %s, %d, %v", r.Run, r.State, l.OpenRejects, *l.Health, state, open, health)
		}
	}
	d := newFixture(t)
	d.define(func(def *schemas.Definition) { def.Spec.Source.Cursor = nil }) // each run reads everything
	want(d, run(d, 1, schemas.Extraction{Extracted: 100}, 10), schemas.StateSucceededWithRejects, 10, 0.9)
	second := run(d, 2, schemas.Extraction{Unchanged: 90, StillRejected: 10}, 0)
	want(d, second, schemas.StateSucceeded, 10, 0.9)
	if second.Counts.StillRejected != 10 || second.Counts.Unchanged != 90 {
		t.Errorf("counts %+v", second.Counts)
	}
	d.command(schemas.CommandDismiss, "dismiss", nil)
	want(d, second, schemas.StateSucceeded, 0, 1)
	want(d, run(d, 3, schemas.Extraction{Unchanged: 90, StillRejected: 10}, 0), schemas.StateSucceeded, 0, 1)
	want(d, run(d, 4, schemas.Extraction{Extracted: 10, Unchanged: 90, StillRejected: 10}, 5), schemas.StateSucceededWithRejects, 5, 95.0/100)
	d.command(schemas.CommandReset, "reset", nil)
	if s := d.state(); s.OpenRejects != 0 || s.Dismissed != 0 {
		t.Errorf("a new epoch has %+v", s)
	}
}

// TestOpenRejectsBesideTheWatermark: what a backfill rejects is open until a replay, however
// the backfill and the runs after it end, and counts in the health.
func TestOpenRejectsBesideTheWatermark(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{false, true} {
		t.Run(fmt.Sprintf("cancelled=%v", cancelled), func(t *testing.T) {
			t.Parallel()
			d := newFixture(t)
			d.define(nil)
			d.command(schemas.CommandRun, "k", nil)
			d.succeed("a.1", 1, 0, 90)
			d.command(schemas.CommandBackfill, "b", func(c *schemas.Command) { c.From, c.To = "2026-01-01", "2026-02-01" })
			if cancelled {
				d.command(schemas.CommandCancel, "c", nil)
			}
			d.reports("a.2", 1, final(20), schemas.Report{Mapped: &schemas.Mapped{Mapped: 10, RejectsByCode: map[string]int64{"date_format": 10}}}, loaded(1000, 1009))
			if r := d.newest("a.2"); !schemas.Terminal(r.State) {
				t.Fatalf("the backfill is %+v", r)
			}
			if s := d.state(); s.OpenRejects != 10 || s.Loaded != 100 {
				t.Errorf("after the backfill %d rejects are open and %d records loaded, want 10 and 100", s.OpenRejects, s.Loaded)
			}
			d.command(schemas.CommandRun, "k2", nil)
			d.succeed("a.3", 1, 2000, 5)
			if s := d.state(); s.OpenRejects != 10 {
				t.Errorf("after the next run %d rejects are open, want 10", s.OpenRejects)
			}
			d.command(schemas.CommandDismiss, "d", nil)
			if s := d.state(); s.OpenRejects != 0 || s.OpenBeside != 0 || s.Dismissed != 0 {
				t.Errorf("dismissed: %+v", s)
			}
		})
	}
}

// TestAPausedImportStartsNothing, neither for a person nor for the run that waits.
func TestAPausedImportStartsNothing(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k1", nil)
	d.command(schemas.CommandRun, "k2", nil)
	d.command(schemas.CommandPause, "p", nil)
	d.wantTriggers(d.succeed("a.1", 1, 0, 1), "")
	d.now = d.now.Add(24 * time.Hour)
	d.wantTriggers(d.step(nil), "")
	d.want("a.2", schemas.StateQueued)
	for _, kind := range []string{schemas.CommandRun, schemas.CommandBackfill, schemas.CommandSync} {
		c := d.command(kind, kind, nil)
		if s := d.state(); len(c.Triggers)+len(c.Events) > 0 || s.Queued.Key != "k2" || !slices.Contains(s.Refused, kind) {
			t.Errorf("%s of a paused import changed %+v", kind, c)
		}
	}
	if c := d.command(schemas.CommandResume, "r", nil); triggered(c) != `a.2/1 incremental "`+moved+`" ` {
		t.Errorf("after the resume: %q", triggered(c))
	}
}

// TestAStoppedImportStartsNothing until a person resumes it, or other schedules are
// applied.
func TestAStoppedImportStartsNothing(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	at := d.now.Add(time.Hour)
	once := func(def *schemas.Definition) { def.Spec.Schedules = []schemas.Schedule{{At: &at}} }
	status := func(want string) {
		t.Helper()
		if l := d.b.Listing("a"); l.Status != want {
			t.Errorf("the import is %s, want %s", l.Status, want)
		}
	}
	d.wantTriggers(d.define(once), "")
	status("Scheduled")
	d.wantTriggers(d.command(schemas.CommandRun, "before", nil), `a.1/1 full "" `)
	d.now = at
	d.wantTriggers(d.step(nil), "") // its own run waits for the active one
	d.wantTriggers(d.succeed("a.1", 1, 0, 1), `a.2/1 incremental "`+moved+`" `)
	d.succeed("a.2", 1, 1, 2)
	status("Stopped")
	if c := d.command(schemas.CommandRun, "k1", nil); len(c.Triggers)+len(c.Events) > 0 || !slices.Contains(d.state().Refused, "k1") {
		t.Errorf("a run of a stopped import changed %+v", c)
	}
	d.command(schemas.CommandResume, "r", nil)
	status("Ready")
	d.wantTriggers(d.command(schemas.CommandRun, "k2", nil), `a.3/1 incremental "`+moved+`" `)
	d.succeed("a.3", 1, 3, 3)
	over := d.now.Add(-time.Minute)
	d.define(func(def *schemas.Definition) { def.Spec.Schedules = []schemas.Schedule{{At: &over}} })
	status("Stopped")
	d.define(func(def *schemas.Definition) { def.Spec.Schedules = nil })
	status("Ready")
	if c := d.command(schemas.CommandRun, "k3", nil); len(c.Triggers) != 1 {
		t.Errorf("a run of an import without schedules triggers %+v", c.Triggers)
	}
}

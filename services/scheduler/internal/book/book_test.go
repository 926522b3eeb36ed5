package book_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

const (
	clock   = "2026-11-24T08:00:00.000000000"
	maximum = "2026-11-24T07:30:00.000000000"
	moved   = "2026-11-24T07:20:00.000000000"
)

func TestCommandTriggersOnce(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	c := d.command(schemas.CommandRun, "k1", nil)
	d.wantTriggers(c, `a.1/1 full "" `)
	if s := d.state(); s.Active.Key != "k1" || s.Active.Traceparent != "tp-a.1" || c.Triggers[0].Traceparent != "tp-a.1" || len(c.Folds) != 1 {
		t.Errorf("changes: %+v", c)
	}
	if c := d.command(schemas.CommandRun, "k1", nil); !c.Empty() {
		t.Errorf("the same command again changed %+v", c)
	}
	d.command(schemas.CommandRun, "k2", nil)
	d.want("a.2", schemas.StateQueued)
	c = d.command(schemas.CommandRun, "k3", nil)
	if s := d.state(); s.Queued.Key != "k2" || len(c.Triggers) > 0 {
		t.Errorf("a third request did not collapse: %+v", s.Queued)
	}
	if diff := cmp.Diff([]string{"k1", "k2", "k3"}, d.state().Keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	c = d.succeed("a.1", 1, 0, 5)
	d.want("a.1", schemas.StateSucceeded)
	d.wantTriggers(c, fmt.Sprintf("a.2/1 incremental %q ", moved))
	if len(c.Closed) != 1 || c.Triggers[0].Ledger == nil || c.Triggers[0].Ledger.Chunks != 5 {
		t.Errorf("the close and the next trigger are not one set of changes: %+v", c)
	}
	d.succeed("a.2", 1, 5, 2)
	if s := d.state(); s.Active != nil || s.Queued != nil || s.LastNumber != 2 {
		t.Errorf("state: %+v", s)
	}
	for i := range schemas.MaxKeys + 5 {
		d.command(schemas.CommandPause, fmt.Sprint("p", i), nil)
	}
	if n := len(d.state().Keys); n != schemas.MaxKeys {
		t.Errorf("%d keys are kept", n)
	}
}

func TestUnknownImport(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	if c := d.command(schemas.CommandRun, "k", nil); !c.Empty() {
		t.Errorf("changes: %+v", c)
	}
	d.define(nil)
	if c := d.command("dance", "k", nil); !c.Empty() {
		t.Errorf("an unknown command changed %+v", c)
	}
	if c := d.command(schemas.CommandCancel, "", func(c *schemas.Command) { c.Run = "a.7" }); len(c.Events) > 0 {
		t.Errorf("a cancel of no run: %+v", c.Events)
	}
}

func TestOldFoldsAreForgotten(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	for n := int64(1); n <= 5; n++ {
		d.command(schemas.CommandRun, fmt.Sprint(n), nil)
		d.succeed(schemas.RunID("a", int(n)), 1, n*10, 3)
	}
	if len(d.log.folds) != 1 || d.log.folds["a.5"] == "" {
		t.Errorf("%d folds are in the log", len(d.log.folds))
	}
}

func TestEpochs(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	d.succeed("a.1", 1, 0, 1)
	d.define(func(def *schemas.Definition) {
		def.Spec.Source.Cursor.Lookback, def.Metadata.DisplayName = schemas.Duration(time.Hour), "A"
	})
	if s := d.state(); s.Epoch != 1 || s.Watermark != moved {
		t.Fatalf("a longer lookback began an epoch: %+v", s)
	}
	for i, edit := range []func(*schemas.Definition){
		func(def *schemas.Definition) { def.Spec.Source.Query = "select 2" },
		func(def *schemas.Definition) { def.Spec.Source.Cursor.Column = "D" },
		func(def *schemas.Definition) { def.Spec.Source.Cursor = nil },
		func(def *schemas.Definition) { def.Spec.Identity.Column = "E" },
	} {
		d.define(edit)
		if s := d.state(); s.Epoch != i+2 || s.Watermark != "" || s.Ledger != nil {
			t.Errorf("change %d: %+v", i, s)
		}
	}
	d.command(schemas.CommandReset, "r", nil)
	if s := d.state(); s.Epoch != 6 {
		t.Errorf("reset: epoch %d", s.Epoch)
	}
}

func TestEpochChangesDuringARun(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k1", nil)
	d.command(schemas.CommandRun, "k2", nil)
	d.define(func(def *schemas.Definition) { def.Spec.Source.Query, def.Generation = "select 2", 2 })
	if q := d.state().Active.Spec.Source.Query; q != "select 1" {
		t.Errorf("the active run now has %q", q)
	}
	c := d.succeed("a.1", 1, 0, 1)
	r := d.want("a.1", schemas.StateSucceeded)
	if s := d.state(); r.WatermarkTo != "" || len(r.Notes) != 1 || s.Watermark != "" || s.Ledger != nil {
		t.Errorf("closed as %+v, state %+v", r, s)
	}
	d.wantTriggers(c, `a.2/1 full "" `)
	if c.Triggers[0].Spec.Source.Query != "select 2" || c.Triggers[0].Epoch != 2 {
		t.Errorf("the next run has %+v", c.Triggers[0])
	}
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k1", nil)
	d.succeed("a.1", 1, 0, 1)
	window := func(c *schemas.Command) {
		c.From, c.To = "2026-01-01T00:00:00.000000000", "2026-02-01T00:00:00.000000000"
	}
	c := d.command(schemas.CommandBackfill, "b", window)
	d.wantTriggers(c, `a.2/1 backfill "2026-01-01T00:00:00.000000000" `)
	if c.Triggers[0].To != "2026-02-01T00:00:00.000000000" || c.Triggers[0].Ledger != nil {
		t.Errorf("trigger: %+v", c.Triggers[0])
	}
	before := d.state()
	// Another window cannot collapse into this one, and only one may wait.
	d.command(schemas.CommandRun, "k2", nil)
	d.command(schemas.CommandBackfill, "b2", window)
	if s := d.state(); s.Queued.Key != "k2" || s.RefusedBecause["b2"] != schemas.RefusedOtherWindow {
		t.Errorf("state: %+v", s)
	}
	d.reports("a.2", 1, schemas.Report{Abandoned: &schemas.Abandoned{}})
	d.now = d.now.Add(time.Minute)
	if c := d.step(nil); len(c.Triggers) != 1 || c.Triggers[0].To == "" || c.Triggers[0].Attempt != 2 {
		t.Errorf("the retry lost its window: %+v", c.Triggers)
	}
	d.wantTriggers(d.succeed("a.2", 2, 1, 1), fmt.Sprintf("a.3/1 incremental %q ", moved))
	d.want("a.2", schemas.StateSucceeded)
	want := *before.Ledger
	want.Outdated, want.OutdatedMapping = true, true // it has sent rows
	if s := d.state(); s.Watermark != before.Watermark || *s.Ledger != want {
		t.Errorf("the backfill moved something: %+v", s)
	}
}

func TestDeletedAndCreatedAgain(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(every(time.Hour))
	d.command(schemas.CommandRun, "k1", nil)
	d.succeed("a.1", 1, 0, 1)
	d.command(schemas.CommandRun, "k2", nil)
	d.command(schemas.CommandRun, "k3", nil)
	delete(d.log.defs, "a")
	d.now = d.now.Add(time.Minute)
	c := d.step(func() { d.b.Undefine(t.Context(), "a", d.now) })
	d.want("a.3", schemas.StateCancelled)
	if wake, ok := d.b.NextWake(); ok {
		t.Errorf("the alarm of a deleted import stays set to %v and hides those of others", wake)
	}
	if !c.Listings["a"] || d.b.Listing("a") != nil || d.state().Active.Ending == nil {
		t.Errorf("after the deletion: %+v", d.state())
	}
	early := final(0)
	early.Final.Early = true
	d.reports("a.2", 1, early)
	d.want("a.2", schemas.StateCancelled)
	d.define(nil)
	d.wantTriggers(d.command(schemas.CommandRun, "k4", nil), `a.4/1 full "" `)
	if e := d.state().Epoch; e != 2 {
		t.Errorf("epoch %d", e)
	}
	// One that nobody has acted on shows only when the next owner loads.
	fresh := d.reload()
	fresh.LoadDeletion(t.Context(), "a", d.now)
	fresh.Define(t.Context(), decode[schemas.Definition](t, d.log.defs["a"]), d.now)
	if got := fresh.Listing("a").Epoch; got != 3 {
		t.Errorf("epoch %d after a deletion and another definition, want 3", got)
	}
}

// The fold topic is gone, and with it the counts of a run whose import was
// deleted meanwhile: a takeover must not end in that.
func TestADeletionWithoutTheFold(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	fresh := d.newBook()
	fresh.LoadState(decode[schemas.State](t, d.log.states["a"]))
	fresh.LoadDeletion(t.Context(), "a", d.now)
	fresh.Loaded(t.Context(), d.now)
	if e := fresh.Take().States["a"]; e == nil || e.Active == nil || e.Active.Ending == nil {
		t.Errorf("the run of the deleted import is not to end: %+v", e)
	}
}

func TestProgressEventsAreRare(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	n := 0
	for i := range int64(100) {
		d.now = d.now.Add(100 * time.Millisecond)
		e := extraction(i)
		e.Chunks = int(i)
		n += len(d.reports("a.1", 1, schemas.Report{Chunk: &e}).Events)
	}
	if n < 8 || n > 11 {
		t.Errorf("%d events in ten seconds", n)
	}
}

// TestUnreadableDefinition: it is no deletion, and it starts nothing, not even
// what the definition before it would.
func TestUnreadableDefinition(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(every(time.Hour))
	d.command(schemas.CommandRun, "k1", nil)
	d.succeed("a.1", 1, 0, 1)
	d.command(schemas.CommandRun, "k2", nil)
	d.command(schemas.CommandRun, "k3", nil)
	d.makeUnreadable()
	if _, ok := d.b.NextWake(); ok {
		t.Error("an alarm is set for an import that nothing can start")
	}
	d.b = d.reload()
	d.now = d.now.Add(2 * time.Hour)
	d.wantTriggers(d.succeed("a.2", 1, 1, 1), "")
	d.want("a.2", schemas.StateSucceeded)
	d.wantTriggers(d.command(schemas.CommandRun, "k4", nil), "")
	if s := d.state(); s.Watermark != moved || s.Ledger == nil || s.Epoch != 1 || s.Queued == nil {
		t.Errorf("state %+v", s)
	}
	if l := d.b.Listing("a"); l == nil || l.Status != "Stopped" || l.LastRun != "a.2" || l.Watermark != moved {
		t.Errorf("listing %+v", l)
	}
	d.wantTriggers(d.define(nil), `a.3/1 incremental "`+moved+`" `)
}

// TestImpossiblePartitions: a report that no stage can have meant harms nobody.
func TestImpossiblePartitions(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	for _, p := range []int32{-1, schemas.MaxPartitions, math.MaxInt32} {
		d.reports("a.1", 1, schemas.Report{Mapped: &schemas.Mapped{Partition: p, Mapped: 1}}, schemas.Report{Receipt: &schemas.Receipt{Partition: p}})
	}
	d.succeed("a.1", 1, 0, 1)
	if r := d.want("a.1", schemas.StateSucceeded); r.Counts.Mapped != 1 {
		t.Errorf("counts %+v", r.Counts)
	}
}

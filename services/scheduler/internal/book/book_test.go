package book_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/book"
	"tapline.dev/services/scheduler/internal/fold"
)

var config = book.Config{
	MaxAttempts: 3, RetryDelay: time.Minute, RetryMax: 90 * time.Second, Deadline: 6 * time.Hour,
	ProgressEvery: time.Second, CatchUpGrace: time.Minute, AfterGrace: 3 * time.Second, AfterLimit: time.Hour,
}

// log is what the control topics hold, newest record of each key, as JSON: after
// every step a second book is read from it and must be like the first.
type log struct {
	states, folds, defs map[string]string
}

// desk is a book in the hands of a test, with a clock of its own.
type desk struct {
	t      *testing.T
	b      *book.Book
	now    time.Time
	log    log
	last   book.Changes
	events []schemas.Run
	busy   map[string]time.Time // imports in a run, or asked for one at that instant
}

func newDesk(t *testing.T) *desk {
	d := &desk{
		t: t, busy: map[string]time.Time{}, now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC),
		log: log{map[string]string{}, map[string]string{}, map[string]string{}},
	}
	d.b = d.newBook()
	return d
}

func (d *desk) newBook() *book.Book {
	return book.New(config, book.Deps{
		Log: slog.New(slog.DiscardHandler),
		Trace: func(_ context.Context, _, run, _ string) (string, string) {
			return "tp-" + run, "trace-" + run
		},
		Busy: func(importName string, before time.Time) bool {
			at, ok := d.busy[importName]
			return ok && at.Before(before)
		},
	})
}

// step does something, then what every step ends with, and commits.
func (d *desk) step(do func()) book.Changes {
	d.t.Helper()
	if do != nil {
		do()
	}
	d.b.Check(d.t.Context(), d.now)
	d.b.Tick(d.t.Context(), d.now)
	d.last = d.b.Take()
	for name, s := range d.last.States {
		d.log.states[name] = encode(d.t, s)
	}
	for run := range d.last.Forget {
		delete(d.log.folds, run)
	}
	for run, f := range d.last.Folds {
		d.log.folds[run] = encode(d.t, f)
	}
	d.events = append(d.events, d.last.Events...)
	d.checkReload()
	return d.last
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// checkReload takes over from the log and compares.
func (d *desk) checkReload() {
	d.t.Helper()
	fresh := d.reload()
	fresh.Tick(d.t.Context(), d.now)
	if c := fresh.Take(); len(c.Triggers) > 0 {
		d.t.Fatalf("a takeover triggers again: %+v", c.Triggers)
	}
	gotRuns, gotListings := fresh.Snapshot()
	wantRuns, wantListings := d.b.Snapshot()
	if diff := cmp.Diff(byRun(wantRuns), byRun(gotRuns)); diff != "" {
		d.t.Fatalf("runs after a takeover (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantListings, gotListings); diff != "" {
		d.t.Fatalf("listings after a takeover (-want +got):\n%s", diff)
	}
}

func (d *desk) reload() *book.Book {
	fresh := d.newBook()
	for _, s := range d.log.states {
		fresh.LoadState(decode[schemas.State](d.t, s))
	}
	for _, f := range d.log.folds {
		fresh.LoadFold(decode[schemas.Fold](d.t, f))
	}
	for _, def := range d.log.defs {
		fresh.Define(d.t.Context(), decode[schemas.Definition](d.t, def), d.now)
	}
	fresh.Loaded(d.t.Context(), d.now)
	return fresh
}

func byRun(runs []schemas.Run) map[string]string {
	out := map[string]string{}
	for _, r := range runs {
		text, _ := json.Marshal(r)
		out[r.Run] = string(text)
	}
	return out
}

func (d *desk) define(edit func(*schemas.Definition)) book.Changes {
	d.t.Helper()
	def := schemas.Definition{
		Kind: schemas.KindImport, Metadata: schemas.Metadata{Name: "a"}, Generation: 1, AppliedAt: d.now,
		Spec: schemas.ImportSpec{
			Source:      schemas.Source{Query: "select 1", Cursor: &schemas.Cursor{Column: "C"}},
			Destination: schemas.Destination{Type: schemas.TypeProfile}, Identity: schemas.Identity{Column: "ID"},
			Topic: schemas.TopicSettings{Partitions: 1},
		},
	}
	if edit != nil {
		edit(&def)
	}
	d.log.defs["a"] = encode(d.t, def)
	return d.step(func() { d.b.Define(d.t.Context(), def, d.now) })
}

func (d *desk) command(kind, id string, edit func(*schemas.Command)) book.Changes {
	d.t.Helper()
	c := schemas.Command{ID: id, Import: "a", Kind: kind}
	if edit != nil {
		edit(&c)
	}
	return d.step(func() { d.b.Command(d.t.Context(), c, d.now) })
}

func (d *desk) reports(run string, attempt int, reports ...schemas.Report) book.Changes {
	d.t.Helper()
	return d.step(func() {
		for _, r := range reports {
			r.Import, r.Run, r.Attempt = "a", run, attempt
			d.b.Report(d.t.Context(), &r, d.now)
		}
	})
}

func extraction(n int64) schemas.Extraction {
	return schemas.Extraction{Chunks: 1, Read: n, Extracted: n, ByPartition: []int64{n}, Maximum: maximum}
}

const (
	clock   = "2026-11-24T08:00:00.000000000"
	maximum = "2026-11-24T07:30:00.000000000"
	moved   = "2026-11-24T07:20:00.000000000"
)

func final(n int64) schemas.Report {
	return schemas.Report{Final: &schemas.Final{Extraction: extraction(n), Clock: clock, Lookback: schemas.Duration(10 * time.Minute), Ledger: &schemas.LedgerRef{Chunks: int(n)}}}
}

func mapped(n int64) schemas.Report {
	return schemas.Report{Mapped: &schemas.Mapped{Mapped: n}}
}

func loaded(from, to int64) schemas.Report {
	return schemas.Report{Receipt: &schemas.Receipt{Ranges: []schemas.Range{{Prev: from - 1, From: from, To: to}}}}
}

// succeed plays a whole run of n rows whose records begin at an offset.
func (d *desk) succeed(run string, attempt int, base, n int64) book.Changes {
	d.t.Helper()
	return d.reports(run, attempt, final(n), mapped(n), loaded(base, base+n-1))
}

func (d *desk) state() schemas.State {
	d.t.Helper()
	return decode[schemas.State](d.t, d.log.states["a"])
}

func (d *desk) newest(run string) schemas.Run {
	var out schemas.Run
	for _, e := range d.events {
		if e.Run == run {
			out = e
		}
	}
	return out
}

func (d *desk) want(run, state string) schemas.Run {
	d.t.Helper()
	got := d.newest(run)
	if got.State != state {
		d.t.Fatalf("%s is %q, want %q", run, got.State, state)
	}
	return got
}

func triggered(c book.Changes) string {
	out := ""
	for _, t := range c.Triggers {
		out += fmt.Sprintf("%s/%d %s %q ", t.Run, t.Attempt, t.Mode, t.Watermark)
	}
	return out
}

func (d *desk) wantTriggers(c book.Changes, want string) {
	d.t.Helper()
	if got := triggered(c); got != want {
		d.t.Fatalf("triggers %q, want %q", got, want)
	}
}

func TestCommandTriggersOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
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
	d := newDesk(t)
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
	d := newDesk(t)
	d.define(nil)
	for n := int64(1); n <= 5; n++ {
		d.command(schemas.CommandRun, fmt.Sprint(n), nil)
		d.succeed(schemas.RunID("a", int(n)), 1, n*10, 3)
	}
	if len(d.log.folds) != 1 || d.log.folds["a.5"] == "" {
		t.Errorf("%d folds are in the log", len(d.log.folds))
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	cancel := func(run string) func(*schemas.Command) { return func(c *schemas.Command) { c.Run = run } }
	t.Run("active", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, schemas.Report{Chunk: new(extraction(4))}, mapped(2), loaded(0, 1))
		d.command(schemas.CommandCancel, "c", cancel("a.1"))
		if e := d.state().Active.Ending; e == nil || e.State != schemas.StateCancelled || e.Skip != schemas.SkipCancelled {
			t.Fatalf("ending: %+v", e)
		}
		early := final(4)
		early.Final.Early = true
		d.reports("a.1", 1, early)
		d.want("a.1", schemas.StateLoading)
		d.reports("a.1", 1, schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipCancelled: 2}}})
		r := d.want("a.1", schemas.StateCancelled)
		if r.Counts.Loaded != 2 || r.Counts.MapSkipped != 2 || r.SkippedByReason[schemas.SkipCancelled] != 2 || d.state().Watermark != "" {
			t.Errorf("closed as %+v", r)
		}
	})
	t.Run("queued", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k1", nil)
		d.command(schemas.CommandRun, "k2", nil)
		d.command(schemas.CommandCancel, "c", cancel("a.2"))
		d.want("a.2", schemas.StateCancelled)
		d.wantTriggers(d.succeed("a.1", 1, 0, 1), "")
		d.wantTriggers(d.command(schemas.CommandRun, "k3", nil), fmt.Sprintf("a.3/1 incremental %q ", moved))
	})
	t.Run("while no extractor works", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k1", nil)
		d.reports("a.1", 1, schemas.Report{Abandoned: &schemas.Abandoned{Code: "result_lost"}})
		d.command(schemas.CommandCancel, "c", cancel("a.1"))
		d.want("a.1", schemas.StateCancelled)
	})
}

func TestAbandonedAttempts(t *testing.T) {
	t.Parallel()
	t.Run("the next attempt reads again", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, schemas.Report{Abandoned: &schemas.Abandoned{Extraction: extraction(3), Code: "result_lost"}}, mapped(1), loaded(0, 0))
		d.now = d.now.Add(59 * time.Second)
		d.wantTriggers(d.step(nil), "")
		if wake, ok := d.b.NextWake(); !ok || !wake.Equal(d.now.Add(time.Second)) {
			t.Errorf("the alarm is set to %v, %v", wake, ok)
		}
		d.now = d.now.Add(time.Second)
		d.wantTriggers(d.step(nil), `a.1/2 full "" `)
		// The rows that attempt 1 left are skipped as closed, and attempt 2 brings them again.
		d.reports("a.1", 1, schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipClosed: 2}}})
		d.succeed("a.1", 2, 1, 3)
		r := d.want("a.1", schemas.StateSucceeded)
		if r.Attempt != 2 || r.Counts.Extracted != 6 || r.Counts.Loaded != 4 || r.Counts.MapSkipped != 2 || r.WatermarkTo != moved {
			t.Errorf("closed as %+v", r)
		}
	})
	t.Run("a row that the last attempt left is missing", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, final(2), mapped(1), loaded(0, 0), schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipClosed: 1}}})
		if r := d.want("a.1", schemas.StateFailed); r.Error.Code != fold.CodeRowsLeft || d.state().Watermark != "" {
			t.Errorf("closed as %+v", r.Error)
		}
	})
	t.Run("the cap", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		for attempt := 1; attempt <= 3; attempt++ {
			d.reports("a.1", attempt, schemas.Report{Abandoned: &schemas.Abandoned{Code: "result_lost", Reason: "gone"}})
			d.now = d.now.Add(90 * time.Second) // RetryMax holds back the doubling
			d.step(nil)
		}
		if r := d.want("a.1", schemas.StateFailed); r.Error.Code != "result_lost" || r.Attempt != 3 || d.state().Active != nil {
			t.Errorf("closed as %+v", r)
		}
	})
	t.Run("permanent, and its rows drain first", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		d.define(nil)
		d.command(schemas.CommandRun, "k", nil)
		d.reports("a.1", 1, schemas.Report{Abandoned: &schemas.Abandoned{Extraction: extraction(3), Code: "query_refused", Permanent: true}})
		if e := d.state().Active.Ending; e == nil || e.Skip != schemas.SkipStopped {
			t.Fatalf("ending: %+v", e)
		}
		d.reports("a.1", 1, schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipStopped: 3}}})
		d.want("a.1", schemas.StateFailed)
	})
}

func TestEpochs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
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
	d := newDesk(t)
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
	d := newDesk(t)
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
	if s := d.state(); s.Queued.Key != "k2" || len(s.Keys) != 3 {
		t.Errorf("state: %+v", s)
	}
	d.reports("a.2", 1, schemas.Report{Abandoned: &schemas.Abandoned{}})
	d.now = d.now.Add(time.Minute)
	if c := d.step(nil); len(c.Triggers) != 1 || c.Triggers[0].To == "" || c.Triggers[0].Attempt != 2 {
		t.Errorf("the retry lost its window: %+v", c.Triggers)
	}
	d.wantTriggers(d.succeed("a.2", 2, 1, 1), fmt.Sprintf("a.3/1 incremental %q ", moved))
	d.want("a.2", schemas.StateSucceeded)
	if s := d.state(); s.Watermark != before.Watermark || *s.Ledger != *before.Ledger {
		t.Errorf("the backfill moved something: %+v", s)
	}
}

func TestStopRule(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k", nil)
	d.reports("a.1", 1, final(2000), schemas.Report{Mapped: &schemas.Mapped{Mapped: 700, RejectsByCode: map[string]int64{"date_format": 300}}})
	if e := d.state().Active.Ending; e == nil || e.Skip != schemas.SkipStopped || e.Error.Code != "date_format" {
		t.Fatalf("ending: %+v", e)
	}
	d.reports("a.1", 1, loaded(0, 699), schemas.Report{Mapped: &schemas.Mapped{Skipped: map[string]int64{schemas.SkipStopped: 1000}}})
	if r := d.want("a.1", schemas.StateFailed); r.Error.Code != "date_format" || d.state().Watermark != "" {
		t.Errorf("closed as %+v", r)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.define(func(def *schemas.Definition) { def.Spec.Limits.Deadline = schemas.Duration(time.Hour) })
	d.command(schemas.CommandRun, "k1", nil)
	d.command(schemas.CommandRun, "k2", nil)
	d.reports("a.1", 1, final(3), mapped(3), loaded(0, 0))
	d.now = d.now.Add(30 * time.Minute)
	d.reports("a.1", 1, schemas.Report{Waiting: &schemas.Waiting{Account: "ct", Since: d.now}})
	d.now = d.now.Add(10 * time.Hour)
	d.step(nil)
	if r := d.want("a.1", schemas.StateLoading); r.Waiting == nil {
		t.Error("the run does not show that it waits")
	}
	d.reports("a.1", 1, schemas.Report{Waiting: &schemas.Waiting{Over: true}})
	d.now = d.now.Add(time.Hour)
	d.wantTriggers(d.step(nil), "")
	d.now = d.now.Add(time.Second)
	d.wantTriggers(d.step(nil), `a.2/1 full "" `)
	r := d.want("a.1", schemas.StateFailed)
	if r.Error.Stage != schemas.StageLoad || r.Error.Code != fold.CodeNoProgress || r.Error.Reason != "no progress for 1h: 2 of 3 mapped records have no outcome" {
		t.Errorf("error: %+v", r.Error)
	}
	if c := d.reports("a.1", 1, loaded(1, 2)); !c.Empty() {
		t.Errorf("a report of a closed run changed %+v", c)
	}
	d.command(schemas.CommandCancel, "c", func(c *schemas.Command) { c.Run = "a.2" })
	d.now = d.now.Add(2 * time.Hour)
	d.step(nil)
	d.want("a.2", schemas.StateCancelled)
}

func TestDeletedAndCreatedAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.define(nil)
	d.command(schemas.CommandRun, "k1", nil)
	d.succeed("a.1", 1, 0, 1)
	d.command(schemas.CommandRun, "k2", nil)
	d.command(schemas.CommandRun, "k3", nil)
	delete(d.log.defs, "a")
	d.now = d.now.Add(time.Minute)
	c := d.step(func() { d.b.Undefine(t.Context(), "a", d.now) })
	d.want("a.3", schemas.StateCancelled)
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
	// A deletion that the state is younger than has been acted on; a later one not.
	for at, epoch := range map[time.Duration]int{-time.Second: 2, time.Second: 3} {
		fresh := d.reload()
		fresh.LoadDeletion(t.Context(), "a", d.now.Add(at), d.now)
		fresh.Define(t.Context(), decode[schemas.Definition](t, d.log.defs["a"]), d.now)
		if got := fresh.Listing("a").Epoch; got != epoch {
			t.Errorf("deleted %s after the state was written: epoch %d, want %d", at, got, epoch)
		}
	}
}

func TestProgressEventsAreRare(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
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

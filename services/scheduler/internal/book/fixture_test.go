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

// fixture is a book with a clock of its own, and a log that its changes are written to.
type fixture struct {
	t      *testing.T
	b      *book.Book
	now    time.Time
	log    log
	last   book.Changes
	broken bool // the newest definition cannot be read
	events []schemas.Run
	busy   map[string]time.Time // imports in a run, or asked for one at that instant
	ended  map[string]string    // how other imports' newest runs ended
	held   map[string]bool      // imports whose run waits for a person
	until  map[string]time.Time // when runs of other imports last did
}

func newFixture(t *testing.T) *fixture {
	d := &fixture{
		t: t, busy: map[string]time.Time{}, ended: map[string]string{}, held: map[string]bool{}, until: map[string]time.Time{}, now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC),
		log: log{map[string]string{}, map[string]string{}, map[string]string{}},
	}
	d.b = d.newBook()
	return d
}

func (d *fixture) newBook() *book.Book {
	return book.New(config, book.Deps{
		Log: slog.New(slog.DiscardHandler),
		Trace: func(_ context.Context, _, run, _ string) (string, string) {
			return "tp-" + run, "trace-" + run
		},
		Busy: func(importName string, before time.Time) bool {
			at, ok := d.busy[importName]
			return ok && at.Before(before)
		},
		Ended: func(importName string) *schemas.EndedRun {
			if state := d.ended[importName]; state != "" {
				return &schemas.EndedRun{Run: importName + ".9", State: state}
			}
			return nil
		},
		Held: func(importName string) (bool, time.Time) { return d.held[importName], d.until[importName] },
	})
}

// step does something, then what every step ends with, and commits.
func (d *fixture) step(do func()) book.Changes {
	d.t.Helper()
	if do != nil {
		do()
	}
	d.b.CloseSettled(d.t.Context(), d.now)
	d.b.Tick(d.t.Context(), d.now)
	d.last = d.b.Take()
	for name, s := range d.last.States {
		if s == nil {
			delete(d.log.states, name)
			continue
		}
		d.log.states[name] = encode(d.t, s)
	}
	for run := range d.last.DeletedFolds {
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
func (d *fixture) checkReload() {
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

func (d *fixture) reload() *book.Book {
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
	if d.broken {
		fresh.Unreadable("a")
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

func (d *fixture) define(edit func(*schemas.Definition)) book.Changes {
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
	d.log.defs["a"], d.broken = encode(d.t, def), false
	return d.step(func() { d.b.Define(d.t.Context(), def, d.now) })
}

// makeUnreadable makes the newest definition one that cannot be read.
func (d *fixture) makeUnreadable() book.Changes {
	d.t.Helper()
	delete(d.log.defs, "a")
	d.broken = true
	return d.step(func() { d.b.Unreadable("a") })
}

func (d *fixture) command(kind, id string, edit func(*schemas.Command)) book.Changes {
	d.t.Helper()
	c := schemas.Command{ID: id, Import: "a", Kind: kind}
	if edit != nil {
		edit(&c)
	}
	return d.step(func() { d.b.Command(d.t.Context(), c, d.now) })
}

func (d *fixture) reports(run string, attempt int, reports ...schemas.Report) book.Changes {
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
func (d *fixture) succeed(run string, attempt int, base, n int64) book.Changes {
	d.t.Helper()
	return d.reports(run, attempt, final(n), mapped(n), loaded(base, base+n-1))
}

func (d *fixture) state() schemas.State {
	d.t.Helper()
	return decode[schemas.State](d.t, d.log.states["a"])
}

func (d *fixture) newest(run string) schemas.Run {
	var out schemas.Run
	for _, e := range d.events {
		if e.Run == run {
			out = e
		}
	}
	return out
}

func (d *fixture) want(run, state string) schemas.Run {
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

func (d *fixture) wantTriggers(c book.Changes, want string) {
	d.t.Helper()
	if got := triggered(c); got != want {
		d.t.Fatalf("triggers %q, want %q", got, want)
	}
}

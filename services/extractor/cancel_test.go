package extractor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/schemas"
)

func TestEnding(t *testing.T) {
	t.Parallel()
	t.Run("while the statement runs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, customers(20)...)
		running := make(chan struct{})
		w.db.onQuery = func(ctx context.Context, _ string, _ func(string)) error {
			close(running)
			<-ctx.Done()
			return ctx.Err()
		}
		w.activate(nil)
		work := w.work()
		done := make(chan error, 1)
		s := w.start()
		go func() { done <- s.takeOver(t.Context(), importName, work) }()
		<-running
		close(work.ending)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if final := w.last(schemas.ReportFinal).Final; !final.Early || final.Read != 0 || w.db.aborted != 1 {
			t.Errorf("final: %+v, %d statements aborted", final, w.db.aborted)
		}
	})
	t.Run("while a reported statement runs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, customers(20)...)
		w.db.onQuery = func(ctx context.Context, id string, on func(string)) error {
			on(id)
			<-ctx.Done()
			return ctx.Err()
		}
		w.activate(nil)
		work := w.work()
		done := make(chan error, 1)
		s := w.start()
		go func() { done <- s.takeOver(t.Context(), importName, work) }()
		for len(w.reports()) == 0 {
			if t.Context().Err() != nil {
				t.Fatal("no early report")
			}
		}
		if r := w.last(schemas.ReportStarted); r.Started.QueryID != "01b-1" || len(r.Started.Columns) != 0 {
			t.Errorf("started: %+v", r.Started)
		}
		close(work.ending)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if w.last(schemas.ReportFinal); len(w.db.cancelled) != 1 {
			t.Errorf("cancelled: %v", w.db.cancelled)
		}
	})
	t.Run("between chunks", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, customers(20)...)
		w.activate(nil)
		work := w.work()
		w.db.onChunk = func(ctx context.Context, i int) error {
			if i == 4 {
				close(work.ending)
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		if err := w.start().takeOver(t.Context(), importName, work); err != nil {
			t.Fatal(err)
		}
		final := w.last(schemas.ReportFinal).Final
		if !final.Early || final.Extracted != int64(len(w.rows())) || final.Read%3 != 0 || final.Read > 12 {
			t.Errorf("final: %+v with %d rows", final, len(w.rows()))
		}
	})
}

// A statement that its own session cannot abort is cancelled from another session, though
// the statement's id is not known.
func TestEndingOfAStatementThatCannotBeAborted(t *testing.T) {
	t.Parallel()
	preview := func(a *schemas.ActiveRun) { a.Mode, a.Rows = schemas.ModePreview, 5 }
	for name, tt := range map[string]struct {
		change func(*schemas.ActiveRun)
		cause  error
		hangs  bool    // the session does not come back
		want   []int64 // sessions
	}{
		"its abort is lost":                      {cause: errEnding, want: []int64{1}},
		"a preview":                              {change: preview, cause: errEnding, want: []int64{1}},
		"its attempt is no longer the active":    {cause: errObsolete, want: []int64{1}},
		"its session hangs":                      {cause: errEnding, hangs: true, want: []int64{1}},
		"another owner goes on with the attempt": {cause: errOwnerChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(4)...)
			w.db.deaf = true
			running, release := make(chan struct{}), make(chan struct{})
			w.db.onQuery = func(ctx context.Context, _ string, _ func(string)) error {
				close(running)
				<-ctx.Done()
				if tt.hangs {
					<-release
				}
				return ctx.Err()
			}
			w.activate(tt.change)
			work, s := w.work(), w.start()
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			done := make(chan error, 1)
			go func() { done <- s.takeOver(ctx, schemas.Subject(importName, w.state.Active.Run), work) }()
			<-running
			if errors.Is(tt.cause, errEnding) {
				close(work.ending)
			} else {
				stop(tt.cause)
			}
			if err := <-done; err != nil && !errors.Is(err, tt.cause) {
				t.Fatal(err)
			}
			close(release)
			w.db.mu.Lock()
			defer w.db.mu.Unlock()
			if !slices.Equal(w.db.silenced, tt.want) || w.db.aborted != 0 {
				t.Errorf("statements of the sessions %v were cancelled, want %v", w.db.silenced, tt.want)
			}
		})
	}
}

// All places for statements may be taken for hours. A run that waits for one can be
// cancelled nevertheless, with the statement that an earlier owner left running for it.
func TestEndingWithoutAPlace(t *testing.T) {
	t.Parallel()
	for name, takenOver := range map[string]bool{"of a run that has not begun": false, "of a run whose statement runs": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(4)...)
			w.cfg.Concurrency = 1
			s := w.start()
			s.slots <- struct{}{} // another import's extraction
			a := w.activate(nil)
			if takenOver {
				rec, err := control.Record(w.topics.Reports(), importName, importName, schemas.Report{
					Kind: schemas.ReportStarted, Import: importName, Run: a.Run, Number: a.Number, Attempt: a.Attempt, Time: time.Now(),
					Started: &schemas.Started{QueryID: "01b-7"},
				}, schemas.EventReport(schemas.ReportStarted), "extractor")
				if err != nil {
					t.Fatal(err)
				}
				w.produce(rec)
			}
			w.state.Active.Ending = &schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}
			w.write()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			work := w.work()
			close(work.ending)
			if !s.work(ctx, importName, work) {
				t.Fatal("the attempt waits for a place")
			}
			if final := w.last(schemas.ReportFinal).Final; !final.Early || final.Read != 0 {
				t.Errorf("final: %+v", final)
			}
			opened, cancelled := 0, 0
			if takenOver {
				opened, cancelled = 1, 1
			}
			if w.db.opened != opened || len(w.db.cancelled) != cancelled || len(w.db.statements) != 0 {
				t.Errorf("%d sign-ins, %d statements, cancelled %v", w.db.opened, len(w.db.statements), w.db.cancelled)
			}
		})
	}
}

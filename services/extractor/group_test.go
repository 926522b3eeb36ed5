package extractor

import (
	"context"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestGroup runs whole services: one stops in the middle of a run, another goes
// on; the second attempt of another run follows a state that names it.
func TestGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(60)...)
	reached := make(chan struct{})
	w.db.onChunk = func(ctx context.Context, i int) error {
		if i == 9 {
			w.db.mu.Lock()
			w.db.onChunk = nil
			w.db.mu.Unlock()
			close(reached)
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	run := func() (stop func(), rec interface{ Logs() string }) {
		s, tel := w.service()
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		return func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}, tel
	}
	stopFirst, firstLogs := run()
	w.activate(nil)
	<-reached
	stopSecond, secondLogs := run()
	stopFirst()
	w.await(func() bool { return w.ended() })
	if final := w.last(schemas.ReportFinal).Final; final.Extracted != 60 || len(w.rows()) != 60 || len(w.db.statements) != 1 {
		t.Errorf("final: %+v, %d rows, %d statements", final, len(w.rows()), len(w.db.statements))
	}
	w.close()

	w.activate(func(a *schemas.ActiveRun) {
		a.Run, a.Number, a.Attempt, a.WatermarkFrom = "customers.2", 2, 3, w.state.Watermark
	})
	w.await(func() bool { return w.ended() })
	if final := w.last(schemas.ReportFinal).Final; final.Unchanged != 11 || final.Extracted != 0 {
		t.Errorf("final: %+v", final)
	}

	// Cancelling through the state reaches the attempt.
	hung := make(chan struct{})
	w.db.mu.Lock()
	w.db.onQuery = func(ctx context.Context, _ string, _ func(string)) error {
		close(hung)
		<-ctx.Done()
		return ctx.Err()
	}
	w.db.mu.Unlock()
	w.activate(func(a *schemas.ActiveRun) { a.Run, a.Number = "customers.3", 3 })
	<-hung
	w.state.Active.Ending = &schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}
	w.write()
	w.await(func() bool { return w.ended() })
	if final := w.last(schemas.ReportFinal).Final; !final.Early {
		t.Errorf("final: %+v", final)
	}
	stopSecond()

	// Invariant 9.
	for _, logs := range []string{firstLogs.Logs(), secondLogs.Logs()} {
		if strings.Contains(logs, "canary") || strings.Contains(logs, "SELECT") {
			t.Errorf("the log holds a value or SQL: %s", logs)
		}
	}
}

func (w *world) ended() bool {
	all := w.reports()
	return len(all) > 0 && (all[len(all)-1].Final != nil || all[len(all)-1].Abandoned != nil)
}

// await polls for a condition.
func (w *world) await(cond func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within 30 s; reports: %+v", w.reports())
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-w.t.Context().Done():
			w.t.Fatal("the test is over")
		}
	}
}

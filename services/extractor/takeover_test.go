package extractor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
)

// hangingLedger writes a chunk's value and then dies, as a process would that is
// killed between the ledger's write and the transaction.
type hangingLedger struct {
	ledger.Store
	suffix string
	hang   *hang
}

func (h hangingLedger) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	err := h.Store.Set(ctx, key, value, ttl)
	if strings.HasSuffix(key, h.suffix) {
		h.hang.wait()
	}
	return err
}

// TestKilled stops one process at a given point, lets another take over, and then lets the
// first one continue: it is fenced.
func TestKilled(t *testing.T) {
	t.Parallel()
	moments := map[string]func(*world, *Service, *hang){
		"before the start is reported": func(w *world, _ *Service, h *hang) {
			w.db.onQuery = func(context.Context, string, func(string)) error {
				w.db.mu.Lock()
				w.db.onQuery = nil
				w.db.mu.Unlock()
				h.wait()
				return nil
			}
		},
		"between a ledger value and its transaction": func(_ *world, s *Service, h *hang) {
			s.ledger = hangingLedger{s.ledger, ":2", h}
		},
		"after a committed chunk": func(w *world, _ *Service, h *hang) {
			w.db.onChunk = func(_ context.Context, i int) error {
				if i == 3 {
					w.db.mu.Lock()
					w.db.onChunk = nil
					w.db.mu.Unlock()
					h.wait()
				}
				return nil
			}
		},
	}
	for name, arm := range moments {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(20)...)
			// The run before left a ledger that knows two rows, one of them twice.
			w.db.rows[4].at, w.db.rows[5].at = w.db.rows[3].at, w.db.rows[3].at
			w.db.rows[4].id, w.db.rows[4].email = w.db.rows[3].id, w.db.rows[3].email
			w.db.rows[5].id, w.db.rows[5].email = w.db.rows[3].id, w.db.rows[3].email
			all := w.db.rows
			w.db.rows = append(all[3:5:5], all[19])
			wide := func(a *schemas.ActiveRun) {
				a.Spec.Source.Cursor.Lookback = schemas.Duration(time.Hour)
				a.Spec.Destination.Type, a.Spec.Destination.Event = schemas.TypeEvent, &schemas.EventSpec{Name: "Bought"}
			}
			w.activate(wide)
			w.extract(w.start())
			w.close()
			w.db.rows = all
			w.activate(func(a *schemas.ActiveRun) {
				wide(a)
				a.Run, a.Number = "customers.2", 2
			})

			first, h := w.start(), newHang(t)
			arm(w, first, h)
			zombie := make(chan error, 1)
			go func() { zombie <- first.takeOver(t.Context(), importName, w.work()) }()
			<-h.reached
			w.extract(w.start())
			close(h.release)
			if err := <-zombie; !errors.Is(err, kafka.ErrFenced) {
				t.Errorf("the zombie ended with %v, want fenced", err)
			}

			final := w.last(schemas.ReportFinal).Final
			if final.Read != 20 || final.Extracted != 17 || final.Unchanged != 3 || final.LedgerReadError {
				t.Errorf("final: %+v", final)
			}
			if rows := w.rows(); len(rows) != 17 {
				t.Errorf("%d rows, want 17", len(rows))
			}
			statements := 2
			if name == "before the start is reported" {
				statements = 3
			}
			if len(w.db.statements) != statements {
				t.Errorf("%d statements, want %d", len(w.db.statements), statements)
			}
			// The ledger is complete, whichever process wrote it.
			s := w.start()
			p, complete, err := ledger.Load(t.Context(), s.ledger, importName, *final.Ledger, 1000, nil)
			if err != nil || !complete || p == nil {
				t.Errorf("ledger: complete %v, %v", complete, err)
			}
		})
	}
}

// TestAnAttemptWhoseReportsAreLost: the reports topic was deleted and created again since the
// run began. The next owner cannot know what was extracted, and reads nothing again.
func TestAnAttemptWhoseReportsAreLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(5)...)
	w.activate(func(a *schemas.ActiveRun) { a.ReportsTopic = "of a topic that was deleted" })
	w.extract(w.start())
	if got := w.last(schemas.ReportAbandoned).Abandoned; got.Code != "topic_recreated" || !got.Permanent {
		t.Errorf("the attempt ends with %+v", got)
	}
	if rows := w.rows(); len(rows) > 0 {
		t.Errorf("%d rows, want none", len(rows))
	}
}

func TestResultOfTheEarlierTermIsGone(t *testing.T) {
	t.Parallel()
	for code, spoil := range map[string]func(*world){
		"result_lost":    func(w *world) { clear(w.db.results) },
		"result_changed": func(w *world) { w.db.chunkRows = 7 },
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(20)...)
			first, h := w.start(), newHang(t)
			w.db.onChunk = func(_ context.Context, i int) error {
				if i == 2 {
					w.db.mu.Lock()
					w.db.onChunk = nil
					w.db.mu.Unlock()
					h.wait()
					return errHung
				}
				return nil
			}
			w.activate(nil)
			zombie := make(chan error, 1)
			go func() { zombie <- first.takeOver(t.Context(), importName, w.work()) }()
			<-h.reached
			spoil(w)
			w.extract(w.start())
			close(h.release)
			if err := <-zombie; !errors.Is(err, kafka.ErrFenced) && !errors.Is(err, errHung) {
				t.Errorf("the zombie ended with %v", err)
			}
			got := w.last(schemas.ReportAbandoned).Abandoned
			if got.Code != code || got.Permanent {
				t.Errorf("abandoned: %+v", got)
			}
			if int64(len(w.rows())) != got.Extracted {
				t.Errorf("%d rows and %d reported", len(w.rows()), got.Extracted)
			}
		})
	}
}

// A takeover that does not know which entries of the previous ledger were used sends rows
// again, so that one of two equal rows is not lost.
func TestResumeWithoutItsLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(20)...)
	w.activate(nil)
	w.extract(w.start())
	w.close()
	w.activate(func(a *schemas.ActiveRun) { a.Run, a.Number = "customers.2", 2 })
	first, h := w.start(), newHang(t)
	w.db.onChunk = func(_ context.Context, i int) error {
		if i == 3 {
			w.db.mu.Lock()
			w.db.onChunk = nil
			w.db.mu.Unlock()
			h.wait()
		}
		return nil
	}
	zombie := make(chan error, 1)
	go func() { zombie <- first.takeOver(t.Context(), importName, w.work()) }()
	<-h.reached
	w.redis.Flush()
	w.extract(w.start())
	close(h.release)
	if err := <-zombie; !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("the zombie ended with %v, want fenced", err)
	}
	final := w.last(schemas.ReportFinal).Final
	if final.Read != 20 || !final.LedgerReadError || final.Extracted == 0 || final.Extracted+final.Unchanged != 20 || final.Ledger.Complete {
		t.Errorf("final: %+v", final)
	}
}

// A statement that the next owner can find is not cancelled; the next owner waits for it.
func TestLongStatementMovesToTheNextOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	w.db.onQuery = func(ctx context.Context, id string, on func(string)) error {
		on(id)
		<-ctx.Done()
		return ctx.Err()
	}
	w.activate(nil)
	ctx, leave := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	first := w.start()
	go func() { done <- first.takeOver(ctx, importName, w.work()) }()
	for len(w.reports()) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("no early report")
		}
	}
	leave(errOwnerChanged)
	if err := <-done; !errors.Is(err, errOwnerChanged) {
		t.Fatalf("ended with %v", err)
	}
	w.extract(w.start())
	if final := w.last(schemas.ReportFinal).Final; final.Read != 10 || len(w.db.statements) != 1 || len(w.db.cancelled) != 0 || w.db.aborted != 0 {
		t.Errorf("final: %+v, %d statements, cancelled %v, aborted %d", final, len(w.db.statements), w.db.cancelled, w.db.aborted)
	}
}

// The scheduler's clock, which says when a run began, may be an hour ahead of the
// one that stamps the reports.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "a", at(-3)})
	w.activate(func(a *schemas.ActiveRun) { a.StartedAt = time.Now().Add(time.Hour) })
	s := w.start()
	w.extract(s)
	w.extract(s) // the attempt is over
	if n := len(w.db.statements); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
}

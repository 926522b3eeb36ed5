package extractor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

// events makes the active run one of an import of events, whose window has room for
// all rows.
func events(a *schemas.ActiveRun) {
	a.Spec.Source.Cursor.Lookback = schemas.Duration(24 * time.Hour)
	a.Spec.Destination.Type, a.Spec.Destination.Event = schemas.TypeEvent, &schemas.EventSpec{Name: "Bought"}
}

// record is a record of the active attempt and its position.
type record struct {
	tp     kafka.TP
	offset int64
	seq    int64
}

// mapRows does what the mapper does with the active attempt's rows.
func (w *world) mapRows(change func(*kafka.Record)) (records []record) {
	w.t.Helper()
	a := w.state.Active
	for p := range int32(3) {
		var out []*kafka.Record
		w.read(w.topics.Rows(importName), p, func(r *kafka.Record) {
			if id, ok := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID)); ok && id.Number == a.Number && id.Attempt == a.Attempt {
				rec := &kafka.Record{Topic: w.topics.Records(importName), Partition: p, Key: r.Key, Value: []byte("{}"), Headers: r.Headers}
				if change != nil {
					change(rec)
				}
				out = append(out, rec)
			}
		})
		w.produce(out...)
		tp := kafka.TP{Topic: w.topics.Records(importName), Partition: p}
		w.read(tp.Topic, p, func(r *kafka.Record) {
			if id, _ := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID)); id.Number == a.Number && id.Attempt == a.Attempt {
				records = append(records, record{tp, r.Offset, id.Seq})
			}
		})
	}
	return records
}

// report writes a report of the active attempt.
func (w *world) report(r schemas.Report) {
	w.t.Helper()
	a := w.state.Active
	r.Import, r.Run, r.Number, r.Attempt, r.Time = importName, a.Run, a.Number, a.Attempt, time.Now()
	rec, err := control.Record(w.topics.Reports(), importName, importName, r, schemas.EventReport(r.Kind), "test")
	if err != nil {
		w.t.Fatal(err)
	}
	w.produce(rec)
}

// load does what the loader does with records: it writes a receipt for those whose row is
// among the loaded ones. The others get no outcome.
func (w *world) load(records []record, loaded ...int64) {
	w.t.Helper()
	for _, r := range records {
		if slices.Contains(loaded, r.seq) {
			w.report(schemas.Report{Kind: schemas.ReportReceipt, Receipt: &schemas.Receipt{
				Partition: r.tp.Partition, Ranges: []schemas.Range{{Prev: r.offset - 1, From: r.offset, To: r.offset}}, Records: 1,
			}})
		}
	}
}

// interrupt ends the active run as the scheduler ends one without success.
func (w *world) interrupt(loaded int64) {
	w.t.Helper()
	a := w.state.Active
	w.state.Interrupted = append(w.state.Interrupted, schemas.InterruptedRun{
		Number: a.Number, Attempts: a.Attempt, StartedAt: a.StartedAt, RecordsTopic: w.recordsTopic(), Loaded: loaded,
	})
}

func (w *world) recordsTopic() string {
	w.t.Helper()
	id, err := w.reader.TopicID(w.t.Context(), w.topics.Records(importName))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// wantFinal compares the end of the active attempt.
func (w *world) wantFinal(what string, want schemas.Extraction) {
	w.t.Helper()
	f := w.last(schemas.ReportFinal).Final.Extraction
	if f.Read != want.Read || f.Extracted != want.Extracted || f.Unchanged != want.Unchanged || f.LeftOut != want.LeftOut || f.SentAgain != want.SentAgain {
		w.t.Errorf("%s: read %d, extracted %d, unchanged %d, left out %d, sent again %d; want %+v", what, f.Read, f.Extracted, f.Unchanged, f.LeftOut, f.SentAgain, want)
	}
	if rows := w.rows(); int64(len(rows)) != want.Extracted {
		w.t.Errorf("%s: %d rows, want %d", what, len(rows), want.Extracted)
	}
}

// TestEventsOfARunWithoutSuccessAreLeftOut: an event whose receipt says loaded is not sent
// again by any later run; an event without a receipt is.
func TestEventsOfARunWithoutSuccessAreLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	// Two equal purchases, of which one is loaded.
	w.db.rows[4] = w.db.rows[3]
	s := w.start()
	w.next(1, events)
	w.extract(s)
	w.load(w.mapRows(nil), 1, 2, 3, 4, 8)
	w.interrupt(5)
	w.next(2, events)
	w.extract(s)
	w.wantFinal("the next run", schemas.Extraction{Read: 10, Extracted: 5, Unchanged: 5, LeftOut: 5})
	w.load(w.mapRows(nil), 5, 10)
	w.interrupt(2)
	w.next(3, events)
	w.extract(s)
	w.wantFinal("the run after two of them", schemas.Extraction{Read: 10, Extracted: 3, Unchanged: 7, LeftOut: 7})
	w.close()
	w.state.Interrupted = nil
	// The ledger holds them from then on: another equal purchase is one more.
	w.db.rows = append(slices.Clone(w.db.rows), w.db.rows[3])
	w.next(4, events)
	w.extract(s)
	w.wantFinal("after a success", schemas.Extraction{Read: 11, Extracted: 1, Unchanged: 10})
}

// TestEventsOfAnAbandonedAttemptAreLeftOut: by the next attempt, of a backfill too.
func TestEventsOfAnAbandonedAttemptAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]func(*schemas.ActiveRun){
		"a window": func(*schemas.ActiveRun) {},
		"a backfill": func(a *schemas.ActiveRun) {
			a.Mode, a.WatermarkFrom, a.To = schemas.ModeBackfill, at(-1000), at(1000)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(10)...)
			s := w.start()
			edit := func(a *schemas.ActiveRun) {
				events(a)
				mode(a)
				a.RecordsTopic = w.recordsTopic()
			}
			w.next(1, edit)
			w.db.extraTotal = 1 // the result falls short
			w.extract(s)
			w.last(schemas.ReportAbandoned)
			w.load(w.mapRows(nil), 1, 2, 9)
			w.db.extraTotal = 0
			w.next(1, func(a *schemas.ActiveRun) {
				edit(a)
				a.Attempt = 2
			})
			w.extract(s)
			w.wantFinal("the next attempt", schemas.Extraction{Read: 10, Extracted: 7, Unchanged: 3, LeftOut: 3})
		})
	}
}

// TestEventsThatTheLogDoesNotTell: loaded events whose rows the log does not tell are sent
// again and counted.
func TestEventsThatTheLogDoesNotTell(t *testing.T) {
	t.Parallel()
	without := func(rec *kafka.Record) { // as an older version writes it
		rec.Headers = slices.DeleteFunc(slices.Clone(rec.Headers), func(h kafka.Header) bool { return h.Key == schemas.HeaderFingerprint })
	}
	for name, c := range map[string]struct {
		change func(*kafka.Record)
		spoil  func(*world, []record)
		left   int64
		again  int64
	}{
		"no fingerprints": {change: without, again: 4},
		"the records are deleted": {spoil: func(w *world, records []record) {
			for _, r := range records {
				if err := kafka.Truncate(w.t.Context(), w.cfg.Kafka, kafkatest.Deps(), map[kafka.TP]int64{r.tp: r.offset + 1}); err != nil {
					w.t.Fatal(err)
				}
			}
		}, again: 4},
		"the topic was created again": {spoil: func(w *world, _ []record) { w.state.Interrupted[0].RecordsTopic = "another" }, again: 4},
		"receipts are gone":           {spoil: func(w *world, _ []record) { w.state.Interrupted[0].Loaded = 9 }, left: 4, again: 5},
		"a request is open": {spoil: func(w *world, records []record) {
			for _, r := range records {
				if r.seq == 6 {
					w.report(schemas.Report{Kind: schemas.ReportIntent, Intent: &schemas.Intent{Partition: r.tp.Partition, Ranges: []schemas.Range{{From: r.offset, To: r.offset}}, Records: 1}})
				}
			}
		}, left: 4, again: 1},
		"a reset": {spoil: func(w *world, _ []record) { w.state.Interrupted = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(10)...)
			s := w.start()
			w.next(1, events)
			w.extract(s)
			records := w.mapRows(c.change)
			w.load(records, 1, 2, 3, 10)
			w.interrupt(4)
			if c.spoil != nil {
				c.spoil(w, records)
			}
			w.next(2, events)
			w.extract(s)
			w.wantFinal("the next run", schemas.Extraction{Read: 10, Extracted: 10 - c.left, Unchanged: c.left, LeftOut: c.left, SentAgain: c.again})
		})
	}
}

// TestEventsUnderAnotherMappingAreTheSame: a row that was loaded is not sent again
// because the mapping was edited, unless a column that identifies it was removed.
func TestEventsUnderAnotherMappingAreTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	s := w.start()
	w.next(1, events)
	w.extract(s)
	w.load(w.mapRows(nil), 1, 2, 3)
	w.interrupt(3)
	edited := func(a *schemas.ActiveRun) {
		events(a)
		a.Spec.Mapping = []schemas.Property{{From: "EMAIL", To: "Mail"}}
	}
	w.next(2, edited)
	w.extract(s)
	w.wantFinal("another mapping", schemas.Extraction{Read: 10, Extracted: 7, Unchanged: 3, LeftOut: 3})
	w.db.columns[1].Name = "MAIL"
	w.next(3, func(a *schemas.ActiveRun) {
		events(a)
		a.Spec.Mapping = []schemas.Property{{From: "MAIL", To: "Mail"}}
	})
	w.extract(s)
	w.wantFinal("a column is gone", schemas.Extraction{Read: 10, Extracted: 10, SentAgain: 3})
}

// TestAnAttemptThatGoesOnLeavesOutOnce: another process takes the attempt over in the
// middle. Nothing is left out twice. Events of which it does not know any more whether they
// were left out are sent again.
func TestAnAttemptThatGoesOnLeavesOutOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lose bool // the attempt's own ledger
		edit func(*schemas.ActiveRun)
		want schemas.Extraction
	}{
		// Rows 3 and 4 are equal, in two chunks, and one of them was loaded.
		"with its ledger":    {false, events, schemas.Extraction{Read: 10, Extracted: 6, Unchanged: 4, LeftOut: 4}},
		"without its ledger": {true, events, schemas.Extraction{Read: 10, Extracted: 7, Unchanged: 3, LeftOut: 3, SentAgain: 1}},
		"under another mapping": {false, func(a *schemas.ActiveRun) {
			events(a)
			a.Spec.Mapping = []schemas.Property{{From: "EMAIL", To: "Mail"}}
		}, schemas.Extraction{Read: 10, Extracted: 7, Unchanged: 3, LeftOut: 3, SentAgain: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(10)...)
			w.db.rows[3] = w.db.rows[2]
			w.next(1, events)
			w.extract(w.start())
			w.load(w.mapRows(nil), 1, 2, 3, 8)
			w.interrupt(4)
			w.next(2, c.edit)
			first, h := w.start(), newHang(t)
			w.db.onChunk = func(_ context.Context, i int) error {
				if i == 1 {
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
			w.awaitChunks(1)
			if c.lose {
				if err := redistest.Empty(t.Context(), w.redis.Client(t)); err != nil {
					t.Fatal(err)
				}
			}
			w.extract(w.start())
			close(h.release)
			if err := <-zombie; !errors.Is(err, kafka.ErrFenced) {
				t.Errorf("the zombie ended with %v, want fenced", err)
			}
			w.wantFinal(name, c.want)
		})
	}
}

// awaitChunks waits until the active attempt has committed so many chunks.
func (w *world) awaitChunks(n int) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		for _, r := range w.reports() {
			if r.Chunk != nil && r.Chunk.Chunks >= n {
				return
			}
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d chunks were never committed", n)
		}
	}
}

package extractor

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

const testKeys = config.Secret("a-key-of-the-tests-and-of-nothing-else")

// suppress writes the entries of people, and returns what releases them.
func (w *world) suppress(identities ...int64) (release func()) {
	w.t.Helper()
	list, err := suppression.New(suppression.Config{Keys: testKeys}, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	var entries, tombstones []*kafka.Record
	for _, identity := range identities {
		key, err := list.Checker("clevertap").New(strconv.AppendInt(nil, identity, 10))
		if err != nil {
			w.t.Fatal(err)
		}
		rec := kafka.Record{Topic: w.topics.Suppressions(), Partition: key.Partition(schemas.ControlPartitions), Key: []byte(key.String())}
		gone := rec
		rec.Value = []byte(`{"since":"2026-11-29T10:00:00Z"}`)
		entries, tombstones = append(entries, &rec), append(tombstones, &gone)
	}
	w.produce(entries...)
	return func() { w.produce(tombstones...) }
}

func wideLookback(a *schemas.ActiveRun) {
	a.Spec.Source.Cursor.Lookback = schemas.Duration(24 * time.Hour)
}

// TestSuppressedRowsAreNotExtracted: a suppressed person's row is counted and is in no
// topic, whether the ledger knows it, it is unreadable or from the future; and once
// the person is released, the next run that reads the row sends it.
func TestSuppressedRowsAreNotExtracted(t *testing.T) {
	t.Parallel()
	people := append(customers(10), dbRow{11, "\xff", at(-50)}, dbRow{12, "future@example.com", at(60 * 24 * 365 * 50)})
	w := newWorld(t, people...)
	w.cfg.Suppression.Keys = testKeys
	s := w.start()
	w.next(1, wideLookback)
	w.extract(s)
	if f := w.last(schemas.ReportFinal).Final; f.Extracted != 10 || f.Rejected != 1 || f.Future != 1 {
		t.Fatalf("run 1: %+v", f.Extraction)
	}
	w.close()
	release := w.suppress(3, 7, 11, 12)
	for n := 2; n <= 3; n++ {
		w.next(n, wideLookback)
		w.extract(s)
		f := w.last(schemas.ReportFinal).Final
		if f.Read != 12 || f.Unchanged != 8 || f.Extracted != 0 || f.StillRejected+f.Rejected+f.Future != 0 || f.Skipped[schemas.SkipSuppressed] != 4 {
			t.Errorf("run %d: %+v", n, f.Extraction)
		}
		w.close()
	}
	release()
	w.next(4, wideLookback)
	w.extract(s)
	f := w.last(schemas.ReportFinal).Final
	if f.Unchanged != 8 || f.Extracted != 2 || f.Rejected != 1 || f.Future != 1 || len(f.Skipped) > 0 {
		t.Errorf("the run after the release: %+v", f.Extraction)
	}
	var sent []string
	for id := range w.rows() {
		sent = append(sent, id)
	}
	if len(sent) != 2 {
		t.Errorf("rows sent: %v", sent)
	}
}

// TestSuppressedElsewhereIsNotUnchanged: a row that mapper or loader have skipped as
// suppressed is in the ledger that was written before, and is sent all the same.
func TestSuppressedElsewhereIsNotUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	w.cfg.Suppression.Keys = testKeys
	s := w.start()
	w.next(1, wideLookback)
	w.extract(s)
	w.close()
	for _, r := range []schemas.Report{
		{Kind: schemas.ReportMapped, Number: 1, Attempt: 1, Mapped: &schemas.Mapped{Suppressed: []int64{2, 3}}},
		{Kind: schemas.ReportReceipt, Number: 1, Attempt: 1, Receipt: &schemas.Receipt{Suppressed: []int64{5}}},
		{Kind: schemas.ReportReceipt, Number: 1, Attempt: 2, Receipt: &schemas.Receipt{Suppressed: []int64{6}}},
		{Kind: schemas.ReportMapped, Number: 7, Attempt: 1, Mapped: &schemas.Mapped{Suppressed: []int64{7}}},
	} {
		r.Import, r.Run, r.Time = importName, "customers.1", time.Now()
		rec, err := control.Record(w.topics.Reports(), importName, importName, r, schemas.EventReport(r.Kind), "test")
		if err != nil {
			t.Fatal(err)
		}
		w.produce(rec)
	}
	w.state.Ledger.Suppressed = true // as the scheduler notes when it closes the run
	w.next(2, wideLookback)
	w.extract(s)
	if f := w.last(schemas.ReportFinal).Final; f.Unchanged != 7 || f.Extracted != 3 {
		t.Errorf("run 2: %+v", f.Extraction)
	}
}

// TestEveryModeLeavesSuppressedRowsOut but those that show rows and send none.
func TestEveryModeLeavesSuppressedRowsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	w.cfg.Suppression.Keys = testKeys
	defer w.suppress(2, 4)()
	s := w.start()
	w.next(1, func(a *schemas.ActiveRun) { a.Mode = schemas.ModeBackfill })
	w.extract(s)
	if f := w.last(schemas.ReportFinal).Final; f.Extracted != 8 || f.Skipped[schemas.SkipSuppressed] != 2 {
		t.Errorf("backfill: %+v", f.Extraction)
	}
	w.trial(schemas.ModeDryRun, 10, nil)
	w.extract(s)
	if f := w.last(schemas.ReportFinal).Final; f.Extracted != 10 || len(f.Skipped) > 0 {
		t.Errorf("dry run, whose rows are shown: %+v", f.Extraction)
	}
	w.trial(schemas.ModePreview, 5, nil)
	w.extract(s)
	p := w.last(schemas.ReportPreview).Preview
	var marked []string
	rows := w.shown()
	for _, i := range p.Suppressed {
		marked = append(marked, rows["1.1."+strconv.Itoa(i+1)])
	}
	if len(marked) != 2 || !strings.Contains(marked[0], `"ID":2`) || !strings.Contains(marked[1], `"ID":4`) {
		t.Errorf("the preview marks the rows %v of %d: %v", p.Suppressed, p.Rows, marked)
	}
}

// TestASyncLeavesSuppressedRowsOut: who was suppressed after the dry run is not sent.
func TestASyncLeavesSuppressedRowsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(5)...)
	w.cfg.Suppression.Keys = testKeys
	s := w.start()
	taken := time.Now()
	w.trial(schemas.ModeDryRun, 5, nil)
	w.extract(s)
	started := w.reports()[0].Started
	w.read(w.topics.DryRunRows(), schemas.ControlPartition(importName), func(r *kafka.Record) {
		record := *r
		record.Topic, record.Value = w.topics.DryRunRecords(), bytes.Clone(r.Value)
		w.produce(&kafka.Record{Topic: record.Topic, Partition: r.Partition, Key: r.Key, Value: record.Value, Headers: r.Headers})
	})
	w.suppress(1, 2)
	w.activate(func(a *schemas.ActiveRun) {
		a.Run, a.Number, a.Mode = "customers.1", 1, schemas.ModeSync
		a.Sample = &schemas.Sample{
			Run: "customers.d1", Attempt: 1, Spec: spec(), QueryID: started.QueryID, Clock: started.Clock, Columns: started.Columns, TakenAt: taken,
		}
	})
	w.extract(s)
	f := w.last(schemas.ReportFinal).Final
	if f.Read != 5 || f.Extracted != 3 || f.Skipped[schemas.SkipSuppressed] != 2 || len(w.rows()) != 3 {
		t.Errorf("sync: %+v", f.Extraction)
	}
}

// TestAnExtractorWithoutTheKeyReadsNothing: the run ends and says what is missing.
func TestAnExtractorWithoutTheKeyReadsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(5)...)
	w.suppress(99)
	s := w.start()
	w.next(1, nil)
	w.extract(s)
	a := w.last(schemas.ReportAbandoned).Abandoned
	if a.Code != failure.CodeNotComparable || !a.Permanent || !strings.Contains(a.Reason, "suppression.keys lacks a key") {
		t.Errorf("abandoned: %+v", a)
	}
	if diff := cmp.Diff(map[string]string{}, w.rows()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

package extractor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

func TestFullRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	w.activate(nil)
	w.extract(w.start())

	rows := w.rows()
	for i, r := range w.db.rows {
		want := fmt.Sprintf(`{"ID":%d,"EMAIL":"%s","AT":"%s"}`, r.id, r.email, r.at)
		if got := rows[schemas.RowID{Number: 1, Attempt: 1, Seq: int64(i + 1)}.String()]; got != want {
			t.Errorf("row %d is %s, want %s", i+1, got, want)
		}
	}
	if len(rows) != 10 {
		t.Errorf("%d rows, want 10", len(rows))
	}
	var kinds []string
	for _, r := range w.reports() {
		kinds = append(kinds, r.Kind)
		if r.TraceID != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%s report of trace %q", r.Kind, r.TraceID)
		}
	}
	if diff := cmp.Diff([]string{"started", "chunk", "chunk", "chunk", "chunk", "final"}, kinds); diff != "" {
		t.Error(diff)
	}
	started := w.reports()[0].Started
	if started.QueryID != "01b-1" || started.Chunks != 4 || started.Total != 10 || started.Clock != "2026-11-23T10:00:00.000000000" || len(started.Columns) != 3 {
		t.Errorf("started: %+v", started)
	}
	final := w.last(schemas.ReportFinal).Final
	if final.Read != 10 || final.Extracted != 10 || final.Maximum != at(-91) || final.Chunks != 4 || final.Early {
		t.Errorf("final: %+v", final)
	}
	var sum int64
	for _, n := range final.ByPartition {
		sum += n
	}
	if sum != 10 || len(final.ByPartition) != 3 {
		t.Errorf("by partition: %v", final.ByPartition)
	}
	if final.Ledger == nil || !final.Ledger.Complete || final.Ledger.Entries != 10 || final.Ledger.Chunks != 4 {
		t.Errorf("ledger: %+v", final.Ledger)
	}
	schemasSeen := 0
	w.read(w.topics.Columns(), schemas.ControlPartition(importName), func(*kafka.Record) { schemasSeen++ })
	if schemasSeen != 1 {
		t.Errorf("%d row schemas, want 1", schemasSeen)
	}
	if tag := w.db.tags[0]; tag.Import != importName || tag.Run != "customers.1" || tag.TraceID == "" {
		t.Errorf("query tag: %+v", tag)
	}
	// A second takeover finds that the attempt has ended and sends Snowflake no statement.
	w.extract(w.start())
	if len(w.db.statements) != 1 {
		t.Errorf("%d statements, want 1", len(w.db.statements))
	}
}

func TestIncrementalRunSendsWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	w.db.rows = append(w.db.rows, dbRow{100, "twin", at(-91)}, dbRow{100, "twin", at(-91)}, dbRow{200, "null", ""})
	s := w.start()
	w.activate(nil)
	w.extract(s)
	w.close()
	if w.state.Watermark != at(-101) {
		t.Fatalf("watermark %s, want %s", w.state.Watermark, at(-101))
	}

	w.db.rows[9].email = "changed"
	w.db.rows = append(w.db.rows,
		dbRow{100, "twin", at(-91)}, // a third equal event
		dbRow{11, "late", at(-95)},
		dbRow{12, "tomorrow", at(24 * 60)},
	)
	w.activate(func(a *schemas.ActiveRun) {
		a.Run, a.Number, a.Mode, a.WatermarkFrom = "customers.2", 2, schemas.ModeIncremental, w.state.Watermark
	})
	w.extract(s)
	var got []string
	for _, row := range w.rows() {
		got = append(got, strings.Split(row, `"`)[5])
	}
	less := cmp.Diff([]string{"changed", "late", "twin"}, sorted(got))
	if less != "" {
		t.Error(less)
	}
	final := w.last(schemas.ReportFinal).Final
	if final.Read != 16 || final.Unchanged != 12 || final.Future != 1 || final.Extracted != 3 || final.Nulls != 1 || final.Maximum != at(-91) {
		t.Errorf("final: %+v", final)
	}
	w.close()

	// Nothing changed since: nothing is sent, and the row of tomorrow waits.
	w.activate(func(a *schemas.ActiveRun) {
		a.Run, a.Number, a.Mode, a.WatermarkFrom = "customers.3", 3, schemas.ModeIncremental, w.state.Watermark
	})
	w.extract(s)
	if final := w.last(schemas.ReportFinal).Final; final.Extracted != 0 || final.Future != 1 || final.Read != 16 {
		t.Errorf("final: %+v", final)
	}
	// The ledger of run 1 is not needed any more.
	for key, err := range s.ledger.Scan(t.Context(), "ledger/customers/1/1.") {
		t.Errorf("left behind: %s, %v", key, err)
	}
	kept := 0
	for _, err := range s.ledger.Scan(t.Context(), "ledger/customers/1/3.") {
		if err != nil {
			t.Fatal(err)
		}
		kept++
	}
	if kept == 0 {
		t.Error("the newest run has left no ledger under its name")
	}
}

func TestANewMappingSendsTheWindowAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(4)...)
	s := w.start()
	w.activate(nil)
	w.extract(s)
	w.close()
	w.activate(func(a *schemas.ActiveRun) {
		a.Run, a.Number, a.WatermarkFrom = "customers.2", 2, w.state.Watermark
		a.Spec.Mapping[0].To = "address"
	})
	w.extract(s)
	if final := w.last(schemas.ReportFinal).Final; final.Extracted != 4 {
		t.Errorf("final: %+v", final)
	}
}

func TestBackfillLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	s := w.start()
	w.activate(nil)
	w.extract(s)
	w.close()
	w.activate(func(a *schemas.ActiveRun) {
		a.Run, a.Number, a.Mode, a.WatermarkFrom, a.To = "customers.2", 2, schemas.ModeBackfill, at(-98), at(-95)
	})
	w.extract(s)
	final := w.last(schemas.ReportFinal).Final
	if final.Extracted != 3 || final.Ledger != nil {
		t.Errorf("final: %+v", final)
	}
}

func TestEmptyResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.activate(nil)
	w.extract(w.start())
	final := w.last(schemas.ReportFinal).Final
	if final.Read != 0 || final.Maximum != "" || len(final.ByPartition) != 3 || final.Ledger == nil {
		t.Errorf("final: %+v", final)
	}
}

func TestRejects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "fine", at(-3)}, dbRow{2, "\xff", at(-2)}, dbRow{3, strings.Repeat("x", 40<<10), at(-1)})
	w.cfg.Kafka.MaxMessageBytes = 40 << 10
	w.activate(nil)
	w.extract(w.start())
	final := w.last(schemas.ReportFinal).Final
	if diff := cmp.Diff(map[string]int64{"row_unreadable": 1, "row_too_large": 1}, final.RejectsByCode); diff != "" {
		t.Error(diff)
	}
	if final.Read != 3 || final.Extracted != 1 || final.Rejected != 2 {
		t.Errorf("final: %+v", final)
	}
	var rejects []schemas.Reject
	w.read(w.topics.Rejects(), schemas.ControlPartition(importName), func(r *kafka.Record) { rejects = append(rejects, decode[schemas.Reject](t, r.Value)) })
	if len(rejects) != 2 || rejects[0].Column != "EMAIL" || rejects[0].ID != "1.1.2" || rejects[0].Row == nil || rejects[1].Row != nil {
		t.Errorf("rejects: %+v", rejects)
	}
}

// A record holds the identity twice, in its key and in its row. One that Kafka
// refused would abort every transaction of the attempt, and of all after it.
func TestARowThatIsTooLargeWithItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "fine", at(-3)}, dbRow{2, strings.Repeat("x", 25<<10), at(-2)}, dbRow{3, "fine", at(-1)})
	w.cfg.Kafka.MaxMessageBytes = 40 << 10
	w.activate(func(a *schemas.ActiveRun) { a.Spec.Identity.Column = "EMAIL" })
	w.extract(w.start())
	final := w.last(schemas.ReportFinal).Final
	if final.Extracted != 2 || final.RejectsByCode["row_too_large"] != 1 {
		t.Errorf("final: %+v", final)
	}
}

// One trace runs from the run's own span to each chunk, and names the query.
func TestSpansAndMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	a := w.activate(nil)
	s, rec := w.startRecorded()
	w.extract(s)
	w.await(func() bool { return len(rec.Spans.Spans("")) >= 5 }) // spans leave in batches
	chunks, extractID, first, parents := 0, "", false, map[string]bool{}
	for _, span := range rec.Spans.Spans("") {
		if !strings.Contains(a.Traceparent, span.TraceID) {
			t.Errorf("span %s is of trace %s", span.Name, span.TraceID)
		}
		switch span.Name {
		case "extract":
			extractID = span.SpanID
			if span.Attributes["snowflake.query_id"] != "01b-1" || !strings.Contains(a.Traceparent, span.ParentID) {
				t.Errorf("extract: %+v", span)
			}
		case "extract chunk":
			chunks++
			parents[span.ParentID] = true
			first = first || span.Attributes["tapline.chunk"] == int64(0)
			if span.Attributes["tapline.kept"] != "position" || span.Attributes["tapline.import"] != "customers" || span.Attributes["messaging.system"] != "kafka" {
				t.Errorf("chunk: %+v", span)
			}
		}
	}
	// Of four chunks those have a span that hold the first row of a partition, and the first.
	if chunks == 0 || chunks == 4 || !first || len(parents) != 1 || !parents[extractID] {
		t.Errorf("%d chunk spans, below %v, extract span %q", chunks, parents, extractID)
	}
	got := 0.0
	for name, value := range rec.Metrics(t, "tapline_extractor_rows") {
		if strings.Contains(name, `outcome="extracted"`) {
			got += value
		}
	}
	if got != 10 {
		t.Errorf("%v rows counted as extracted, want 10", got)
	}
}

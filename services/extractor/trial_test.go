package extractor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/snowflake"
)

// trial makes a preview or dry run the active one.
func (w *world) trial(mode string, rows int, change func(*schemas.ActiveRun)) {
	w.t.Helper()
	w.activate(func(a *schemas.ActiveRun) {
		a.Run, a.Mode, a.Rows = "customers.d1", mode, rows
		if mode == schemas.ModePreview {
			a.Run = "customers.p1"
		}
		if change != nil {
			change(a)
		}
	})
}

// shown returns the rows in the dry runs' topic, by id.
func (w *world) shown() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	w.read(w.topics.DryRunRows(), schemas.ControlPartition(importName), func(r *kafka.Record) {
		if string(r.Key) == w.state.Active.Run {
			out[string(kafka.HeaderValue(r, schemas.HeaderID))] = string(r.Value)
		}
	})
	return out
}

func TestPreviewShowsColumnsAndFirstRows(t *testing.T) {
	t.Parallel()
	rows := customers(10)
	rows[1].at = ""
	w := newWorld(t, rows...)
	w.trial(schemas.ModePreview, 4, func(a *schemas.ActiveRun) {
		a.Connection = &schemas.SnowflakeConnectionSpec{Account: "other", User: "SOMEBODY"}
		a.Spec.Source.ConnectionRef = "not applied"
		a.Spec.Mapping = []schemas.Property{{From: "NOT_YET", To: "written"}}
	})
	w.extract(w.start())
	all := w.reports()
	if len(all) != 1 || all[0].Preview == nil {
		t.Fatalf("reports: %+v", all)
	}
	p := all[0].Preview
	if diff := cmp.Diff(w.db.columns, p.Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if p.QueryID == "" || p.Rows != 4 || !cmp.Equal(p.Nulls, []int64{0, 0, 1}) || p.Problems != nil {
		t.Errorf("preview: %+v", p)
	}
	if got := w.shown(); len(got) != 4 || got["1.1.1"] == "" || len(w.rows()) != 0 {
		t.Errorf("rows shown: %v; in the import's topic: %v", got, w.rows())
	}
}

func TestPreviewFindsWhatIsWrongWithTheSource(t *testing.T) {
	t.Parallel()
	unsupported := schemas.Column{Name: "V", Type: "VECTOR"}
	cases := map[string]struct {
		columns []schemas.Column
		cursor  string
		want    []string
	}{
		"nothing":          {nil, "AT", nil},
		"no such cursor":   {nil, "CHANGED", []string{"column_missing spec.source.cursor.column"}},
		"cursor of a text": {nil, "EMAIL", []string{"cursor_invalid spec.source.cursor"}},
		"a type that is mapped": {
			[]schemas.Column{{Name: "ID", Type: "FIXED"}, {Name: "EMAIL", Type: "VECTOR"}, {Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9}}, "AT",
			[]string{"column_unsupported spec.source.table"},
		},
		"twice a name, and a type that nobody maps": {
			[]schemas.Column{{Name: "A", Type: "TEXT"}, {Name: "A", Type: "TEXT"}, unsupported}, "B",
			[]string{"column_ambiguous spec.source.table", "column_missing spec.source.cursor.column"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.columns != nil {
				w.db.columns = c.columns
			}
			w.trial(schemas.ModePreview, 0, func(a *schemas.ActiveRun) { a.Spec.Source.Cursor.Column = c.cursor })
			w.extract(w.start())
			var got []string
			for _, p := range w.last(schemas.ReportPreview).Preview.Problems {
				got = append(got, p.Code+" "+p.Path)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if len(w.db.statements) != 0 {
				t.Errorf("a description ran %v", w.db.statements)
			}
		})
	}
}

func TestPreviewSaysWhySnowflakeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.onOpen = func(int) error {
		return &snowflake.Error{Code: snowflake.CodeAuth, Reason: "refused", Permanent: true}
	}
	w.trial(schemas.ModePreview, 1, nil)
	w.extract(w.start())
	if got := w.last(schemas.ReportAbandoned).Abandoned; got.Code != snowflake.CodeAuth {
		t.Errorf("refused with %+v", got)
	}
}

// TestAPreviewOfAPerson reads the newest rows of one person by one statement, and says where
// each lies in the order of the cursor.
func TestAPreviewOfAPerson(t *testing.T) {
	t.Parallel()
	rows := customers(3)
	rows[1].at = at(-5)
	for i := range schemas.MaxPersonRows {
		rows = append(rows, dbRow{id: 2, email: fmt.Sprint(i), at: at(-10 - i)})
	}
	w := newWorld(t, rows...)
	w.cfg.Suppression.Keys = testKeys
	w.suppress(2)
	w.list("x", "2")
	w.trial(schemas.ModePreview, 0, func(a *schemas.ActiveRun) { a.People = "x" })
	w.extract(w.start())
	p := w.last(schemas.ReportPreview).Preview
	if p.Person == nil || !p.Person.More || len(p.Person.Cursors) != schemas.MaxPersonRows || p.Person.Cursors[0] != at(-5) || p.Person.Instants[0] != at(-5) || p.Person.Clock == "" {
		t.Fatalf("the rows are placed at %+v", p.Person)
	}
	if got := w.shown(); len(got) != schemas.MaxPersonRows || !strings.Contains(got["1.1.1"], `"ID":2`) || len(p.Suppressed) != len(got) || len(w.rows()) != 0 {
		t.Errorf("%d rows are shown, the first %s, suppressed %d; %d in the import's topic", len(got), got["1.1.1"], len(p.Suppressed), len(w.rows()))
	}
	if len(w.db.statements) != 1 {
		t.Errorf("it ran %v", w.db.statements)
	}
}

func TestDryRunReadsASampleOfEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	w.trial(schemas.ModeDryRun, 4, func(a *schemas.ActiveRun) { a.WatermarkFrom = at(0) })
	w.extract(w.start())
	f := w.last(schemas.ReportFinal).Final
	if f.Read != 4 || f.Extracted != 4 || f.Population != 10 || f.Maximum != "" || f.Ledger != nil {
		t.Errorf("final: %+v", f)
	}
	if p := schemas.ControlPartition(importName); len(f.ByPartition) != schemas.ControlPartitions || f.ByPartition[p] != 4 {
		t.Errorf("by partition: %v", f.ByPartition)
	}
	if got := w.shown(); len(got) != 4 || len(w.rows()) != 0 {
		t.Errorf("rows shown: %v; in the import's topic: %v", got, w.rows())
	}
}

// TestSyncSendsTheRowsOfWhatWasShown: a row without a record is not sent, nor is one that is
// older than another row of its identity. An attempt that is taken over continues after the
// last chunk.
func TestSyncSendsTheRowsOfWhatWasShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken := time.Now()
	digests := map[string]string{}
	for i := range 4 {
		id := fmt.Sprintf("1.1.%d", i+1)
		row := fmt.Sprintf(`{"ID":%d,"EMAIL":" user%d ","AT":null}`, i+1, i+1)
		record := fmt.Sprintf(`{"identity":"%d"}`, i+1)
		header := []kafka.Header{{Key: schemas.HeaderID, Value: []byte(id)}}
		p := schemas.ControlPartition(importName)
		ofRow := header
		if i == 3 {
			ofRow = append(slices.Clone(header), kafka.Header{Key: schemas.HeaderOlder, Value: []byte("true")})
		}
		w.produce(&kafka.Record{Topic: w.topics.DryRunRows(), Partition: p, Key: []byte("customers.d1"), Value: []byte(row), Headers: ofRow})
		if i != 1 {
			w.produce(&kafka.Record{Topic: w.topics.DryRunRecords(), Partition: p, Key: []byte("customers.d1"), Value: []byte(record), Headers: header})
		}
		if i != 1 && i != 3 {
			sum := sha256.Sum256([]byte(record))
			digests[row] = hex.EncodeToString(sum[:])
		}
	}
	byEmail := spec()
	byEmail.Identity.Column = "EMAIL"
	w.activate(func(a *schemas.ActiveRun) {
		a.Mode, a.Spec = schemas.ModeSync, byEmail
		a.Sample = &schemas.Sample{Run: "customers.d1", Attempt: 1, Spec: byEmail, Clock: at(0), Columns: w.db.columns, QueryID: "01b-9", TakenAt: taken}
	})
	s := w.start()
	w.extract(s)
	f := w.last(schemas.ReportFinal).Final
	if f.Read != 2 || f.Extracted != 2 || f.Clock != at(0) || f.Ledger != nil || len(w.db.statements) != 0 {
		t.Errorf("final: %+v, statements %v", f, w.db.statements)
	}
	got := map[string]string{}
	for p := range int32(3) {
		w.read(w.topics.Rows(importName), p, func(r *kafka.Record) {
			got[string(r.Value)] = string(kafka.HeaderValue(r, schemas.HeaderShown))
			// In the partition that a run would use, so that versions of one user keep
			// their order.
			if want := schemas.Partition(bytes.TrimSpace(r.Key), 3); r.Partition != want {
				t.Errorf("row %q lies in partition %d, want %d", r.Key, r.Partition, want)
			}
		})
	}
	if diff := cmp.Diff(digests, got); diff != "" {
		t.Errorf("rows and digests (-want +got):\n%s", diff)
	}
	w.extract(s) // over: nothing is sent again
	if n := len(w.rows()); n != 2 {
		t.Errorf("%d rows after another takeover", n)
	}
}

func TestSyncWithoutItsSampleFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := schemas.ControlPartition(importName)
	w.produce(&kafka.Record{
		Topic: w.topics.DryRunRecords(), Partition: p, Key: []byte("customers.d1"), Value: []byte(`{}`),
		Headers: []kafka.Header{{Key: schemas.HeaderID, Value: []byte("1.1.1")}},
	})
	w.activate(func(a *schemas.ActiveRun) {
		a.Mode = schemas.ModeSync
		a.Sample = &schemas.Sample{Run: "customers.d1", Attempt: 1, Spec: spec(), Clock: at(0), Columns: w.db.columns, TakenAt: time.Now()}
	})
	w.extract(w.start())
	if got := w.last(schemas.ReportAbandoned).Abandoned; got.Code != failure.CodeSampleGone || !got.Permanent {
		t.Errorf("abandoned as %+v", got)
	}
}

// TestDryRunIsTakenOver: the next owner continues with the same sample, though a second
// statement would draw other rows.
func TestDryRunIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(20)...)
	w.trial(schemas.ModeDryRun, 12, nil)
	first, h := w.start(), newHang(t)
	w.db.onChunk = func(_ context.Context, i int) error {
		if i == 2 {
			w.db.mu.Lock()
			w.db.onChunk = nil
			w.db.mu.Unlock()
			h.wait()
		}
		return nil
	}
	zombie := make(chan error, 1)
	go func() { zombie <- first.takeOver(t.Context(), w.state.Active.Run, w.work()) }()
	<-h.reached
	w.extract(w.start())
	close(h.release)
	if err := <-zombie; !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("the zombie ended with %v, want fenced", err)
	}
	if f := w.last(schemas.ReportFinal).Final; f.Read != 12 || f.Population != 20 || len(w.shown()) != 12 || len(w.db.statements) != 1 {
		t.Errorf("final %+v, %d rows shown, statements %v", f, len(w.shown()), w.db.statements)
	}
}

func TestAConnectionIsTested(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trial(schemas.ModeConnectionTest, 0, func(a *schemas.ActiveRun) {
		a.Spec = schemas.ImportSpec{Source: schemas.Source{ConnectionRef: "warehouse"}}
	})
	w.extract(w.start())
	got := w.last(schemas.ReportConnection).Connection
	if got == nil || got.Role != "READER" || len(got.Privileges) != 1 || len(w.db.statements) != 0 {
		t.Errorf("the answer is %+v", got)
	}
}

func TestTablesAreListed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rows, wide int
		want       int // tables; -1 is a refusal
		more       bool
	}{
		"all":             {rows: 3, want: 3},
		"more than fit":   {rows: 100, wide: 400, want: 31, more: true},
		"one that is too": {rows: 1, wide: 100_000, want: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.db.wide = tc.wide
			w.trial(schemas.ModeTables, 0, func(a *schemas.ActiveRun) {
				a.Spec = schemas.ImportSpec{Source: schemas.Source{ConnectionRef: "warehouse"}}
				a.Tables = &schemas.TablesQuery{Level: schemas.LevelTable, Database: "SHOP", Rows: tc.rows}
			})
			w.extract(w.start())
			if tc.want < 0 {
				if r := w.last(schemas.ReportAbandoned).Abandoned; r == nil || !r.Permanent || r.Code != failure.CodeTooManyColumns {
					t.Errorf("the answer is %+v", r)
				}
				return
			}
			got := w.last(schemas.ReportTables).Tables
			if got == nil || len(got.Items) != tc.want || (got.Next != nil) != tc.more || len(w.db.statements) != 0 {
				t.Fatalf("%d tables, next %+v, want %d", len(got.Items), got.Next, tc.want)
			}
			if last := got.Items[len(got.Items)-1].TablePlace; tc.more && *got.Next != last {
				t.Errorf("the next page is after %+v, and the last item is %+v", *got.Next, last)
			}
		})
	}
}

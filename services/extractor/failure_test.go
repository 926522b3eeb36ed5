package extractor

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/snowflake"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func decode[T any](t *testing.T, b []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAbandoned(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		change    func(*world, *schemas.ActiveRun)
		code      string
		permanent bool
		inReason  string
	}{
		{"no connection", func(_ *world, a *schemas.ActiveRun) { a.Spec.Source.ConnectionRef = "nowhere" }, "reference_missing", true, "nowhere"},
		{"refused query", func(_ *world, a *schemas.ActiveRun) { a.Spec.Source.Table, a.Spec.Source.Query = "", "drop table x" }, "query_refused", true, "line 1"},
		{"missing mapped column", func(_ *world, a *schemas.ActiveRun) { a.Spec.Mapping[0].From = "MAIL" }, "column_missing", true, "MAIL"},
		{"missing cursor", func(_ *world, a *schemas.ActiveRun) { a.Spec.Source.Cursor.Column = "UPDATED" }, "column_missing", true, "UPDATED"},
		{"cursor of a wrong type", func(_ *world, a *schemas.ActiveRun) { a.Spec.Source.Cursor.Column = "EMAIL" }, "cursor_invalid", true, "EMAIL"},
		{"two columns of one name", func(w *world, _ *schemas.ActiveRun) { w.db.columns[1].Name = "ID" }, "column_ambiguous", true, "ID"},
		{"unknown type", func(w *world, _ *schemas.ActiveRun) { w.db.columns[1].Type = "VECTOR" }, "column_unsupported", true, "VECTOR"},
		{"NULL cursor", func(_ *world, a *schemas.ActiveRun) { a.Spec.Source.Cursor.Nulls = schemas.Nulls{} }, "cursor_null", true, "AT"},
		{"short result", func(w *world, _ *schemas.ActiveRun) { w.db.extraTotal = 2 }, "result_short", false, "7 rows were read of a result of 9"},
		{"wrong password", func(w *world, _ *schemas.ActiveRun) {
			w.db.onOpen = func(int) error {
				return &snowflake.Error{Code: snowflake.CodeAuth, Permanent: true, Reason: "refused"}
			}
		}, snowflake.CodeAuth, true, "refused"},
		{"network away for good", func(w *world, _ *schemas.ActiveRun) {
			w.db.onOpen = func(int) error { return &snowflake.Error{Code: snowflake.CodeUnreachable, Reason: "away"} }
		}, snowflake.CodeUnreachable, false, "away"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, append(customers(6), dbRow{7, "null", ""})...)
			w.activate(func(a *schemas.ActiveRun) { tt.change(w, a) })
			w.extract(w.start())
			got := w.last(schemas.ReportAbandoned).Abandoned
			if got.Code != tt.code || got.Permanent != tt.permanent || !strings.Contains(got.Reason, tt.inReason) {
				t.Errorf("abandoned: %+v", got)
			}
			if len(got.ByPartition) != 3 {
				t.Errorf("by partition: %v", got.ByPartition)
			}
			if tt.permanent && len(w.rows()) != 0 {
				t.Error("rows were sent")
			}
		})
	}
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	away := &snowflake.Error{Code: snowflake.CodeUnreachable, Reason: "away"}
	w.db.onOpen = func(n int) error {
		if n < 3 {
			return away
		}
		return nil
	}
	failed := map[int]int{}
	w.db.onChunk = func(_ context.Context, i int) error {
		if failed[i]++; failed[i] < 3 && i > 0 {
			return away
		}
		return nil
	}
	w.activate(nil)
	w.extract(w.start())
	if final := w.last(schemas.ReportFinal).Final; final.Extracted != 10 || final.LedgerReadError || final.LedgerPartial {
		t.Errorf("final: %+v", final)
	}
	if len(w.rows()) != 10 || len(w.db.statements) != 1 {
		t.Errorf("%d rows of %d statements", len(w.rows()), len(w.db.statements))
	}
}

func TestLedgerDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(4)...)
	w.cfg.Redis.Addrs = []string{"127.0.0.1:1"}
	w.cfg.Redis.Timeout /= 40
	w.cfg.Redis.DialTimeout /= 40
	w.state.Ledger = &schemas.LedgerRef{Number: 1, Attempt: 1, Chunks: 1, Entries: 1}
	w.activate(func(a *schemas.ActiveRun) { a.Run, a.Number = "customers.2", 2 })
	w.extract(w.start())
	final := w.last(schemas.ReportFinal).Final
	if final.Extracted != 4 || !final.LedgerPartial || !final.LedgerReadError || final.Ledger.Complete {
		t.Errorf("final: %+v", final)
	}
}

// hang blocks a hook until the test releases it.
type hang struct {
	reached chan struct{}
	release chan struct{}
}

func newHang(t *testing.T) *hang {
	h := &hang{reached: make(chan struct{}), release: make(chan struct{})}
	t.Cleanup(func() {
		select {
		case <-h.release:
		default:
			close(h.release)
		}
	})
	return h
}

func (h *hang) wait() {
	close(h.reached)
	<-h.release
}

var errHung = errors.New("let go")

package extractor

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// TestARowThatComesBackIsSent: a run that did not succeed has sent another
// version of a row, and then the row changed back to the version in the ledger. That
// version must be sent again.
func TestARowThatComesBackIsSent(t *testing.T) {
	t.Parallel()
	noCursor := func(a *schemas.ActiveRun) { a.Spec.Source.Cursor = nil }
	never := func(a *schemas.ActiveRun) { a.Spec.Source.Cursor.Nulls.Policy = "" }
	event := func(a *schemas.ActiveRun) {
		a.Spec.Destination.Type, a.Spec.Destination.Event = schemas.TypeEvent, &schemas.EventSpec{Name: "Bought"}
	}
	for name, c := range map[string]struct {
		rows   []dbRow
		change func(*schemas.ActiveRun)
		want   int64 // rows that the third run sends
		aside  bool
	}{
		"its cursor is NULL":  {[]dbRow{{1, "v1", ""}, {2, "x", at(-5)}}, nil, 2, true},
		"there is no cursor":  {[]dbRow{{1, "v1", at(-5)}, {2, "x", at(-5)}}, noCursor, 2, true},
		"its cursor tells it": {[]dbRow{{1, "v1", at(-5)}, {2, "x", at(-5)}}, never, 0, false},
		"events stay as sent": {[]dbRow{{1, "v1", ""}, {2, "x", at(-5)}}, event, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.rows...)
			s := w.start()
			w.next(1, c.change)
			w.extract(s)
			w.close()
			w.db.rows[0].email = "v2"
			w.next(2, c.change)
			w.extract(s)
			if f := w.last(schemas.ReportFinal).Final; f.Extracted != 1 {
				t.Fatalf("the second run: %+v", f)
			}
			w.unfinished(false)
			w.db.rows[0].email = "v1"
			w.next(3, c.change)
			w.extract(s)
			if f := w.last(schemas.ReportFinal).Final; f.Extracted != c.want || f.LedgerSetAside != c.aside {
				t.Errorf("the third run: %+v, want %d rows sent and the ledger set aside %v", f.Extraction, c.want, c.aside)
			}
		})
	}
}

// TestAMappingThatIsTakenBackIsSent: the second run has sent the window under
// another mapping.
func TestAMappingThatIsTakenBackIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(4)...)
	s := w.start()
	run := func(n int, to string) *schemas.Final {
		w.next(n, func(a *schemas.ActiveRun) {
			a.Spec.Source.Cursor.Nulls.Policy = ""
			a.Spec.Mapping[0].To = to
		})
		w.extract(s)
		return w.last(schemas.ReportFinal).Final
	}
	first := run(1, "Email")
	w.close()
	if f := run(2, "address"); f.Extracted != 4 || w.reports()[0].Started.Mapping == first.Ledger.Mapping {
		t.Fatalf("the second run: %+v", f)
	}
	w.unfinished(true)
	if f := run(3, "Email"); f.Extracted != 4 {
		t.Errorf("the third run: %+v, want all sent again", f.Extraction)
	}
}

// TestTheNewestVersionComesLast: an older row of an identity commits late, or its
// entry in the ledger is lost. It is sent, so the newest must be sent after it.
func TestTheNewestVersionComesLast(t *testing.T) {
	t.Parallel()
	rows := []dbRow{{1, "older", at(-6)}, {2, "x", at(-5)}, {3, "x", at(-5)}, {1, "newest", at(-2)}, {4, "x", at(-1)}}
	for name, c := range map[string]struct {
		first []dbRow // what the first run reads
		lose  string  // value of the ledger
		want  int64   // rows that the second run sends
	}{
		"it commits late":                   {rows[1:], "", 2},
		"a part of the ledger is not there": {rows, "ledger/customers/1/1.1:0", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.first...)
			s := w.start()
			w.next(1, nil)
			w.extract(s)
			w.close()
			w.db.rows = rows
			if c.lose != "" {
				if err := s.ledger.Del(t.Context(), c.lose); err != nil {
					t.Fatal(err)
				}
			}
			w.next(2, nil)
			w.extract(s)
			sent := w.rows()
			if last(sent, "older") < 0 || last(sent, "older") > last(sent, "newest") {
				t.Errorf("the identity ends as its older version: %v", sent)
			}
			if f := w.last(schemas.ReportFinal).Final; f.Extracted != c.want {
				t.Errorf("%+v, want %d rows sent", f.Extraction, c.want)
			}
		})
	}
}

// last returns the index of the last row with a text, -1 if none has it.
func last(rows map[string]string, text string) int {
	found := -1
	for i, id := range slices.Sorted(maps.Keys(rows)) {
		if strings.Contains(rows[id], text) {
			found = i
		}
	}
	return found
}

// TestTakeoverSendsNewestAgain: after a takeover it is not known of which identities an
// older version was sent, so the newest version of all is sent again.
func TestTakeoverSendsNewestAgain(t *testing.T) {
	t.Parallel()
	rows := []dbRow{{2, "x", at(-4)}, {3, "x", at(-4)}, {4, "x", at(-4)}, {1, "newest", at(-2)}}
	w := newWorld(t, rows...)
	w.db.chunkRows = 1
	w.next(1, nil)
	w.extract(w.start())
	w.close()
	w.db.rows = append([]dbRow{{1, "older", at(-5)}}, rows...)
	w.next(2, nil)
	h := newHang(t)
	w.db.onChunk = func(_ context.Context, i int) error {
		if i == 3 { // the first chunk is committed
			w.db.mu.Lock()
			w.db.onChunk = nil
			w.db.mu.Unlock()
			h.wait()
		}
		return nil
	}
	zombie := make(chan error, 1)
	first := w.start()
	go func() { zombie <- first.takeOver(t.Context(), importName, w.work()) }()
	<-h.reached
	w.extract(w.start())
	close(h.release)
	if err := <-zombie; !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("the zombie ended with %v, want fenced", err)
	}
	f := w.last(schemas.ReportFinal).Final
	if sent := w.rows(); f.Extracted < 3 || !f.LedgerSetAside || last(sent, "older") > last(sent, "newest") {
		t.Errorf("%+v, sent %v", f.Extraction, sent)
	}
}

// TestARetypedCursorStops: a watermark that is a wall-clock time cannot be compared with a
// column of instants.
func TestARetypedCursorStops(t *testing.T) {
	t.Parallel()
	for zone, stops := range map[string]bool{"Asia/Kolkata": true, "UTC": false} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			_, ahead := time.Now().In(location).Zone()
			wall := at(-30 + ahead/60)
			w := newWorld(t, dbRow{1, "a", wall})
			change := func(a *schemas.ActiveRun) { a.Spec.Timezone = zone }
			s := w.start()
			w.next(1, change)
			w.extract(s)
			w.close()
			w.db.columns[2].Type = "TIMESTAMP_LTZ"
			w.db.rows = []dbRow{{1, "a", at(-30)}, {2, "b", at(-1)}}
			w.next(2, change)
			w.extract(s)
			all := w.reports()
			end := all[len(all)-1]
			if !stops {
				if end.Final == nil || end.Final.Extracted == 0 {
					t.Errorf("the run ends with %+v", end)
				}
				return
			}
			if end.Abandoned == nil || end.Abandoned.Code != failure.CodeCursorInvalid || !end.Abandoned.Permanent || !strings.Contains(end.Abandoned.Reason, "reset") {
				t.Errorf("the run ends with %+v", end)
			}
		})
	}
}

// TestUnreadableRowsAreRejectedOnce: a row without exact text that has not changed
// is unchanged, as any other.
func TestUnreadableRowsAreRejectedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "bad\xff", at(-1)}, dbRow{2, "x", at(-1)})
	s := w.start()
	for n, want := range []int64{1, 0} {
		w.next(n+1, nil)
		w.extract(s)
		if f := w.last(schemas.ReportFinal).Final; f.Rejected != want || f.Read != 2 {
			t.Errorf("run %d: %+v, want %d rejected", n+1, f.Extraction, want)
		}
		w.close()
	}
	w.db.rows[0].email = "good"
	w.next(3, nil)
	w.extract(s)
	if f := w.last(schemas.ReportFinal).Final; f.Extracted != 1 {
		t.Errorf("the corrected row: %+v", f.Extraction)
	}
}

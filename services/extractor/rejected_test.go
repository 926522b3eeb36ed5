package extractor

import (
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/schemas"
)

// TestRowsThatAnotherStageRejected: a row that the mapper or the loader has refused
// is, as long as it does not change, neither sent again nor counted as unchanged. That is
// so in all later runs, not only in the next one.
func TestRowsThatAnotherStageRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(10)...)
	s := w.start()
	w.next(1, func(a *schemas.ActiveRun) { a.Spec.Source.Cursor.Lookback = schemas.Duration(24 * time.Hour) })
	w.extract(s)
	w.close()
	for _, reject := range []schemas.Reject{
		{ID: "1.1.3", Stage: schemas.StageMap}, {ID: "1.1.7", Stage: schemas.StageLoad},
		{ID: "1.2.5", Stage: schemas.StageMap}, // of another attempt
		{ID: "9.1.6", Stage: schemas.StageMap}, // of another run
	} {
		reject.Import, reject.Run, reject.Code, reject.Time = importName, "customers.1", "type_mismatch", time.Now()
		rec, err := control.Reject(w.topics.Rejects(), reject, "test")
		if err != nil {
			t.Fatal(err)
		}
		w.produce(rec)
	}
	for n := 2; n <= 4; n++ {
		if n == 4 {
			w.db.rows[2].email = "corrected@example.com"
		}
		w.next(n, func(a *schemas.ActiveRun) { a.Spec.Source.Cursor.Lookback = schemas.Duration(24 * time.Hour) })
		w.extract(s)
		f := w.last(schemas.ReportFinal).Final
		want := schemas.Extraction{Read: 10, Unchanged: 8, StillRejected: 2}
		if n == 4 {
			want = schemas.Extraction{Read: 10, Unchanged: 8, StillRejected: 1, Extracted: 1}
		}
		if f.Read != want.Read || f.Unchanged != want.Unchanged || f.StillRejected != want.StillRejected || f.Extracted != want.Extracted || f.Rejected != 0 {
			t.Errorf("run %d: %+v", n, f.Extraction)
		}
		w.close()
	}
}

// TestRowsThatTheExtractorRejected: a row that no record can carry is rejected once,
// and then still rejected.
func TestRowsThatTheExtractorRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "\xff", at(-3)}, dbRow{2, "a@example.com", at(-2)})
	s := w.start()
	for n, want := range []schemas.Extraction{{Extracted: 1, Rejected: 1}, {Unchanged: 1, StillRejected: 1}, {Unchanged: 1, StillRejected: 1}} {
		w.next(n+1, nil)
		w.extract(s)
		f := w.last(schemas.ReportFinal).Final
		if f.Read != 2 || f.Extracted != want.Extracted || f.Rejected != want.Rejected || f.Unchanged != want.Unchanged || f.StillRejected != want.StillRejected {
			t.Errorf("run %d: %+v", n+1, f.Extraction)
		}
		w.close()
	}
}

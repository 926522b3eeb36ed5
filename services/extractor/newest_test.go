package extractor

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// sent lists the e-mail addresses of an identity's rows, in the order in which this
// attempt wrote them.
func (w *world) sent(key string) []string {
	w.t.Helper()
	var out []string
	for p := range int32(3) {
		w.read(w.topics.Rows(importName), p, func(r *kafka.Record) {
			id, ok := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID))
			if ok && id.Number == w.state.Active.Number && string(r.Key) == key {
				_, rest, _ := strings.Cut(string(r.Value), `"EMAIL":"`)
				email, _, _ := strings.Cut(rest, `"`)
				out = append(out, email)
			}
		})
	}
	return out
}

// TestABackfillEndsWithTheNewestVersion: a backfill's span has an older row of an identity.
// CleverTap keeps the version that it gets last.
func TestABackfillEndsWithTheNewestVersion(t *testing.T) {
	t.Parallel()
	rows := []dbRow{
		{1, "oldest@example.com", at(-400)}, {1, "old@example.com", at(-300)}, {1, "new@example.com", at(-200)},
		{2, "x@example.com", at(-305)}, {3, "other@example.com", at(-1)},
	}
	for typ, want := range map[string]string{schemas.TypeProfile: "old@example.com new@example.com", schemas.TypeEvent: "old@example.com"} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, rows...)
			w.activate(func(a *schemas.ActiveRun) {
				a.Mode, a.WatermarkFrom, a.To = schemas.ModeBackfill, at(-310), at(-290)
				if a.Spec.Destination.Type = typ; typ == schemas.TypeEvent {
					a.Spec.Destination.Event = &schemas.EventSpec{Name: "Bought"}
				}
			})
			w.extract(w.start())
			if got := strings.Join(w.sent("1"), " "); got != want {
				t.Errorf("sent %q, want %q", got, want)
			}
			if len(w.sent("2")) != 1 || len(w.sent("3")) != 0 {
				t.Errorf("of others: %v, %v", w.sent("2"), w.sent("3"))
			}
		})
	}
}

// TestASampleMarksOlderVersions: a sample is of rows, not of identities, so that shares of
// the sample are estimates for all rows. A row that is older than another one of its
// identity is marked, and a sync does not send it.
func TestASampleMarksOlderVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "old@example.com", at(-300)}, dbRow{1, "new@example.com", at(-200)}, dbRow{2, "x@example.com", at(-100)})
	w.trial(schemas.ModeDryRun, 10, nil)
	w.extract(w.start())
	older := map[string]bool{}
	w.read(w.topics.DryRunRows(), schemas.ControlPartition(importName), func(r *kafka.Record) {
		_, rest, _ := strings.Cut(string(r.Value), `"EMAIL":"`)
		email, _, _ := strings.Cut(rest, `"`)
		older[email] = kafka.HeaderValue(r, schemas.HeaderOlder) != nil
	})
	want := map[string]bool{"old@example.com": true, "new@example.com": false, "x@example.com": false}
	if diff := cmp.Diff(want, older); diff != "" {
		t.Errorf("rows by whether they are older (-want +got):\n%s", diff)
	}
}

// TestADryRunShowsFutureRows: they have the code cursor.future and are counted as a run
// counts them, not as rejected.
func TestADryRunShowsFutureRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "a@example.com", at(-300)}, dbRow{2, "b@example.com", at(400)})
	w.trial(schemas.ModeDryRun, 10, nil)
	w.extract(w.start())
	if f := w.last(schemas.ReportFinal).Final; f.Read != 2 || f.Extracted != 1 || f.Future != 1 || f.Rejected != 0 || f.Maximum != "" {
		t.Errorf("final: %+v", f)
	}
	var notes []schemas.Reject
	w.read(w.topics.DryRunRejects(), schemas.ControlPartition(importName), func(r *kafka.Record) {
		var reject schemas.Reject
		if err := json.Unmarshal(r.Value, &reject); err != nil {
			t.Fatal(err)
		}
		notes = append(notes, reject)
	})
	if len(notes) != 1 || notes[0].Code != failure.CodeCursorFuture || !notes[0].Omitted || !strings.Contains(string(notes[0].Row), "b@example.com") {
		t.Errorf("notes: %+v", notes)
	}
}

// TestADryRunFailsAtANullCursor as a run does.
func TestADryRunFailsAtANullCursor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "a@example.com", ""})
	w.trial(schemas.ModeDryRun, 10, func(a *schemas.ActiveRun) { a.Spec.Source.Cursor.Nulls = schemas.Nulls{} })
	w.extract(w.start())
	if got := w.last(schemas.ReportAbandoned).Abandoned; got.Code != failure.CodeCursorNull || !got.Permanent {
		t.Errorf("abandoned as %+v", got)
	}
}

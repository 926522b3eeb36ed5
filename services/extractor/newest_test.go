package extractor

import (
	"fmt"
	"strings"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
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

// TestABackfillEndsWithTheNewestVersion: a person reads a window again that holds an
// older row of somebody. CleverTap keeps what comes last.
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

// TestASampleHoldsTheNewestVersion: the sample of a dry run may be sent, and must not
// put an older version over a newer one that was loaded before.
func TestASampleHoldsTheNewestVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbRow{1, "old@example.com", at(-300)}, dbRow{1, "new@example.com", at(-200)}, dbRow{2, "x@example.com", ""})
	w.trial(schemas.ModeDryRun, 10, nil)
	w.extract(w.start())
	if shown := w.shown(); len(shown) != 2 || strings.Contains(fmt.Sprint(shown), "old@") {
		t.Errorf("the sample holds %v", shown)
	}
}

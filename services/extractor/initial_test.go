package extractor

import (
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestNothingBeforeTheBeginning: where an import begins bounds its first run, and every
// later one whose watermark the lookback takes behind it: those rows were sent by whoever
// imported before.
func TestNothingBeforeTheBeginning(t *testing.T) {
	t.Parallel()
	rows := []dbRow{{1, "before@example.com", at(-31)}, {2, "first@example.com", at(-30)}, {3, "later@example.com", at(-10)}}
	zoned := at(-30) + "Z"
	for name, edit := range map[string]func(*schemas.ActiveRun){
		"the definition, a first run":    func(a *schemas.ActiveRun) { a.Spec.Source.Cursor.Initial = strings.TrimRight(at(-30), "0") + "0Z" },
		"the definition, without a zone": func(a *schemas.ActiveRun) { a.Spec.Source.Cursor.Initial = at(-30) },
		"a person, a first run":          func(a *schemas.ActiveRun) { a.Initial = zoned },
		"a later run, its watermark is earlier": func(a *schemas.ActiveRun) {
			a.Initial, a.Mode, a.WatermarkFrom = zoned, schemas.ModeIncremental, at(-40)
		},
		"both, the later one counts": func(a *schemas.ActiveRun) { a.Initial, a.Spec.Source.Cursor.Initial = zoned, at(-35) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, rows...)
			w.activate(func(a *schemas.ActiveRun) {
				cursor := *a.Spec.Source.Cursor
				a.Spec.Source.Cursor = &cursor
				edit(a)
			})
			w.extract(w.start())
			if len(w.sent("1")) != 0 || len(w.sent("2")) != 1 || len(w.sent("3")) != 1 {
				t.Errorf("sent %v, %v and %v", w.sent("1"), w.sent("2"), w.sent("3"))
			}
		})
	}
	t.Run("a backfill reads what it names", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, rows...)
		w.activate(func(a *schemas.ActiveRun) {
			a.Mode, a.WatermarkFrom, a.To = schemas.ModeBackfill, at(-40)+"Z", at(-20)+"Z"
			cursor := *a.Spec.Source.Cursor
			cursor.Initial = at(-30)
			a.Spec.Source.Cursor = &cursor
		})
		w.extract(w.start())
		if len(w.sent("1")) != 1 || len(w.sent("2")) != 1 || len(w.sent("3")) != 0 {
			t.Errorf("sent %v, %v and %v", w.sent("1"), w.sent("2"), w.sent("3"))
		}
	})
}

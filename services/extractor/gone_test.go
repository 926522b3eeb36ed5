package extractor

import (
	"slices"
	"strings"
	"testing"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// withPlan maps a column that the table no longer has.
func withPlan(word string) func(*schemas.ActiveRun) {
	return func(a *schemas.ActiveRun) {
		a.Spec.OnColumnChange = word
		a.Spec.Mapping = append(a.Spec.Mapping, schemas.Property{From: "PLAN", To: "plan"})
		if !schemas.IsTrial(a.Run) {
			a.Check = &schemas.ResultCheck{}
		}
	}
}

// readPlan are columns of a run that has read PLAN.
func readPlan() []schemas.Column {
	return []schemas.Column{
		{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"}, {Name: "PLAN", Type: "TEXT"}, {Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9},
	}
}

// wantWithout checks that the newest attempt has gone on without columns, and told so to
// the mapper.
func (w *world) wantWithout(columns ...string) {
	w.t.Helper()
	w.last(schemas.ReportFinal)
	if got := w.lastStarted().Gone; !slices.Equal(got, columns) {
		w.t.Errorf("the start says %v is gone, want %v", got, columns)
	}
	if got := w.rowSchema().Gone; !slices.Equal(got, columns) {
		w.t.Errorf("the mapper is told that %v is gone, want %v", got, columns)
	}
}

// wantMissing checks that the newest attempt has failed for the missing column.
func (w *world) wantMissing() {
	w.t.Helper()
	if a := w.last(schemas.ReportAbandoned).Abandoned; !a.Permanent || a.Code != failure.CodeColumnMissing || len(w.rows()) > 0 {
		w.t.Errorf("abandoned: %+v, %d rows", a, len(w.rows()))
	}
}

// TestADryRunWithoutAColumn shows what a run would do that somebody has approved.
func TestADryRunWithoutAColumn(t *testing.T) {
	t.Parallel()
	for word, goesOn := range map[string]bool{"": false, schemas.OnColumnChangeFail: false, schemas.OnColumnChangeHold: true, schemas.OnColumnChangeContinue: true} {
		t.Run("on "+word, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(20)...)
			w.state.Columns = readPlan()
			w.trial(schemas.ModeDryRun, 5, withPlan(word))
			w.extract(w.start())
			if !goesOn {
				w.wantMissing()
				return
			}
			w.last(schemas.ReportFinal)
			if got := w.lastStarted().Gone; !slices.Equal(got, []string{"PLAN"}) {
				t.Errorf("the start says %v is gone", got)
			}
		})
	}
}

// TestAColumnOfALimitThatIsGone: a column that only limits.hold.nullShare names follows
// onColumnChange as a mapped one does, and is not looked at any more.
func TestAColumnOfALimitThatIsGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		word    string
		columns []schemas.Column
		gone    []string
		want    string
	}{
		"by default":                 {columns: readPlan(), want: schemas.ReportAbandoned},
		"fail":                       {word: schemas.OnColumnChangeFail, columns: readPlan(), want: schemas.ReportAbandoned},
		"continue":                   {word: schemas.OnColumnChangeContinue, columns: readPlan(), want: schemas.ReportFinal},
		"continue, never read":       {word: schemas.OnColumnChangeContinue, columns: readPlan()[:2], want: schemas.ReportAbandoned},
		"hold":                       {word: schemas.OnColumnChangeHold, columns: readPlan(), want: schemas.ReportHeld},
		"hold, the run after it":     {word: schemas.OnColumnChangeHold, columns: readPlan()[:2], gone: []string{"plan"}, want: schemas.ReportFinal},
		"continue, the run after it": {word: schemas.OnColumnChangeContinue, columns: readPlan()[:2], gone: []string{"plan"}, want: schemas.ReportFinal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(20)...)
			w.state.Columns, w.state.Gone = c.columns, c.gone
			w.activate(func(a *schemas.ActiveRun) {
				a.Spec.OnColumnChange, a.Check = c.word, &schemas.ResultCheck{}
				a.Spec.Limits.Hold = &schemas.HoldLimits{NullShare: map[string]float64{"plan": 0.5, "EMAIL": 0.5}}
			})
			w.extract(w.start())
			switch c.want {
			case schemas.ReportAbandoned:
				w.wantMissing()
				return
			case schemas.ReportHeld:
				held := w.last(schemas.ReportHeld).Held
				if len(held.Figures) != 1 || held.Figures[0].Code != schemas.HoldColumnGone || !strings.Contains(held.Figures[0].Reason, "nullShare") {
					t.Fatalf("held: %+v", held)
				}
				w.approve(20, held.Figures...)
				w.extract(w.start())
			}
			w.wantWithout("plan")
		})
	}
}

// TestAResendWithoutAColumn: rows of runs that have gone on without a column are mapped
// without it again.
func TestAResendWithoutAColumn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(4)...)
	w.state.Columns = readPlan()
	s := w.start()
	w.next(1, withPlan(schemas.OnColumnChangeContinue))
	w.extract(s)
	w.wantWithout("PLAN")
	w.load(w.mapRows(nil), 1, 2)
	resend := again(w, 1, 1, 2)
	w.next(2, func(a *schemas.ActiveRun) { withPlan(schemas.OnColumnChangeContinue)(a); resend(a) })
	w.extract(s)
	w.wantWithout("PLAN")
	if got := w.values(); len(got) != 2 {
		t.Errorf("sent %v", got)
	}
}

// TestAReplayWithoutAColumn: rows of Kafka are mapped as their run has mapped them, and
// people are read again as the next run would read them.
func TestAReplayWithoutAColumn(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(*schemas.ActiveRun){"of events": events, "of profiles": func(*schemas.ActiveRun) {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(6)...)
			for i := range w.db.rows {
				w.db.rows[i].at = at(-i - 10)
			}
			w.state.Columns = readPlan()
			edit := func(a *schemas.ActiveRun) { withPlan(schemas.OnColumnChangeContinue)(a); kind(a) }
			s := w.start()
			w.next(1, edit)
			w.extract(s)
			w.wantWithout("PLAN")
			w.refuse(schemas.StageMap, "date_format", nil, 1, 2)
			w.state.Columns, w.state.Gone = readPlan()[:2], []string{"PLAN"}
			w.replaying(2, edit, schemas.ReplayMapped, schemas.RejectSelection{})
			w.extract(s)
			w.wantWithout("PLAN")
			if e := w.last(schemas.ReportFinal).Final.Extraction; e.Extracted != 2 || e.Taken != 2 {
				t.Errorf("counts %+v", e)
			}
		})
	}
}

// TestAReplayIsHeldForAColumnThatIsGone: people would be read without a column that no run
// has gone on without.
func TestAReplayIsHeldForAColumnThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(6)...)
	for i := range w.db.rows {
		w.db.rows[i].at = at(-i - 10)
	}
	s := w.start()
	w.next(1, nil)
	w.extract(s)
	w.refuse(schemas.StageMap, "date_format", nil, 1, 2)
	w.state.Columns = readPlan()
	w.replaying(2, withPlan(schemas.OnColumnChangeHold), schemas.ReplayMapped, schemas.RejectSelection{})
	w.extract(s)
	if held := w.last(schemas.ReportHeld).Held; len(held.Figures) != 1 || held.Figures[0].Column != "PLAN" || len(w.rows()) > 0 {
		t.Fatalf("held: %+v", held)
	}
}

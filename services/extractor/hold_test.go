package extractor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// checked lets the extractor compare, as a scheduler does that knows of holds.
func checked(limits schemas.HoldLimits) func(*schemas.ActiveRun) {
	return func(a *schemas.ActiveRun) {
		a.Check = &schemas.ResultCheck{}
		a.Spec.Limits.Hold = &limits
	}
}

// approve lets the run go on, as the scheduler does.
func (w *world) approve(rows int64, figures ...schemas.HoldFigure) {
	w.t.Helper()
	a := w.state.Active
	a.Approval = &schemas.Approved{Number: a.Approval.NumberOf() + 1, Attempt: a.Attempt, Rows: rows, Figures: figures}
	w.write()
}

// TestHeld: nothing is sent before the approval, whichever process looks, and afterwards
// the same result is.
func TestHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(20)...)
	w.activate(checked(schemas.HoldLimits{Rows: 19}))
	w.extract(w.start())
	held := w.last(schemas.ReportHeld).Held
	if held.Rows != 20 || len(held.Figures) != 1 || held.Figures[0].Code != schemas.HoldTooManyRows || held.Figures[0].Limit != 19 {
		t.Fatalf("held: %+v", held)
	}
	if u := w.last(schemas.ReportHeld).Snowflake; u == nil || u.ExecutionSeconds != 1 {
		t.Errorf("the statement has taken %+v", u)
	}
	w.extract(w.start())
	if n := len(w.reports()); n != 2 || len(w.rows()) != 0 {
		t.Fatalf("%d reports and %d rows before the approval", n, len(w.rows()))
	}
	w.approve(20, held.Figures...)
	w.extract(w.start())
	if u := w.last(schemas.ReportFinal).Snowflake; u == nil || u.ExecutionSeconds != 1 {
		t.Errorf("with the approval the statement has taken %+v", u)
	}
	if final := w.last(schemas.ReportFinal).Final; final.Extracted != 20 || len(w.rows()) != 20 || len(w.db.statements) != 1 {
		t.Errorf("final: %+v, %d rows, %d statements", final, len(w.rows()), len(w.db.statements))
	}
}

// TestAnApprovalHoldsForLaterAttempts up to a tenth more rows, and no further.
func TestAnApprovalHoldsForLaterAttempts(t *testing.T) {
	t.Parallel()
	for rows, want := range map[int]string{20: schemas.ReportFinal, 22: schemas.ReportFinal, 23: schemas.ReportHeld} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(rows)...)
			w.activate(func(a *schemas.ActiveRun) {
				checked(schemas.HoldLimits{Rows: 19})(a)
				a.Attempt = 2
				a.Approval = &schemas.Approved{Number: 1, Attempt: 1, Rows: 20, Figures: []schemas.HoldFigure{{Code: schemas.HoldTooManyRows}}}
			})
			w.extract(w.start())
			last := w.last(want)
			if last.Held != nil && last.Held.Approvals != 1 {
				t.Errorf("held: %+v", last.Held)
			}
		})
	}
}

// TestTheResultIsGone: after a day Snowflake no longer has it.
func TestTheResultIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(20)...)
	w.activate(checked(schemas.HoldLimits{Rows: 19}))
	w.extract(w.start())
	held := w.last(schemas.ReportHeld).Held
	clear(w.db.results)
	w.approve(20, held.Figures...)
	w.extract(w.start())
	if gone := w.last(schemas.ReportAbandoned).Abandoned; gone.Permanent {
		t.Errorf("abandoned: %+v", gone)
	}
}

// TestAnOlderSchedulerIsNotAsked: it would not understand the answer.
func TestAnOlderSchedulerIsNotAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(20)...)
	w.activate(func(a *schemas.ActiveRun) { a.Spec.Limits.Hold = &schemas.HoldLimits{Rows: 19} })
	w.extract(w.start())
	w.last(schemas.ReportFinal)
}

// TestShares reads the result through, counts, and then fetches it again.
func TestShares(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits schemas.HoldLimits
		want   string
	}{
		"NULLs above the limit":      {schemas.HoldLimits{NullShare: map[string]float64{"at": 0.19}}, "AT is NULL in 20.00 % of the rows and limits.hold.nullShare is 19.00 %"},
		"NULLs below the limit":      {schemas.HoldLimits{NullShare: map[string]float64{"AT": 0.2}}, ""},
		"identities above the limit": {schemas.HoldLimits{RepeatedIdentities: new(float64)}, "4.17 % of the identities occur more than once and limits.hold.repeatedIdentities is 0.00 %"},
		"a column that is not there": {schemas.HoldLimits{NullShare: map[string]float64{"NAME": 0}}, "NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := customers(125)
			for i := range 25 {
				rows[i].at = ""
			}
			for i := range 5 { // 120 identities, five of them twice
				rows[i].id = rows[i+5].id
			}
			w := newWorld(t, rows...)
			fetched := 0
			w.db.onChunk = func(context.Context, int) error { fetched++; return nil }
			w.activate(checked(c.limits))
			w.extract(w.start())
			all := w.reports()
			switch last := all[len(all)-1]; {
			case last.Final != nil:
				if c.want != "" || fetched != 2*42 {
					t.Errorf("final; %d chunks were fetched", fetched)
				}
			case last.Abandoned != nil:
				if !strings.Contains(last.Abandoned.Reason, c.want) || last.Abandoned.Code != failure.CodeColumnMissing {
					t.Errorf("abandoned: %+v", last.Abandoned)
				}
			default:
				if got := last.Held.Figures[0].Reason; !strings.EqualFold(got, c.want) || len(w.rows()) != 0 {
					t.Errorf("held: %q, %d rows", got, len(w.rows()))
				}
			}
		})
	}
}

// TestAColumnOfAnotherType follows onColumnChange.
func TestAColumnOfAnotherType(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"": schemas.ReportHeld, schemas.OnColumnChangeHold: schemas.ReportHeld,
		schemas.OnColumnChangeContinue: schemas.ReportFinal, schemas.OnColumnChangeFail: schemas.ReportAbandoned,
	} {
		t.Run("onColumnChange "+word, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(20)...)
			w.state.Columns = []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "VARIANT"}, {Name: "AT", Type: "DATE"}}
			w.activate(func(a *schemas.ActiveRun) {
				a.Check, a.Spec.OnColumnChange = &schemas.ResultCheck{}, word
			})
			w.extract(w.start())
			last := w.last(want)
			if last.Held != nil && (len(last.Held.Figures) != 1 || last.Held.Figures[0].Reason != "column EMAIL was VARIANT and is VARCHAR now") {
				t.Errorf("held: %+v", last.Held)
			}
			if last.Abandoned != nil && (!last.Abandoned.Permanent || last.Abandoned.Code != failure.CodeColumnTypeChanged) {
				t.Errorf("abandoned: %+v", last.Abandoned)
			}
		})
	}
}

// TestAMappedColumnThatIsGone follows onColumnChange, and goes on without a column only if
// an earlier run has read it or gone on without it.
func TestAMappedColumnThatIsGone(t *testing.T) {
	t.Parallel()
	read := []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"}, {Name: "PLAN", Type: "TEXT"}, {Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9}}
	for name, c := range map[string]struct {
		word    string
		columns []schemas.Column // that the run before has read
		gone    []string         // that the run before went on without
		older   bool             // the scheduler knows of no holds
		want    string
	}{
		"by default":                     {columns: read, want: schemas.ReportAbandoned},
		"fail":                           {word: schemas.OnColumnChangeFail, columns: read, want: schemas.ReportAbandoned},
		"hold":                           {word: schemas.OnColumnChangeHold, columns: read, want: schemas.ReportHeld},
		"hold, approved in an older run": {word: schemas.OnColumnChangeHold, columns: read[:2], gone: []string{"PLAN"}, want: schemas.ReportFinal},
		"hold, an older scheduler":       {word: schemas.OnColumnChangeHold, columns: read, older: true, want: schemas.ReportAbandoned},
		"continue":                       {word: schemas.OnColumnChangeContinue, columns: read, want: schemas.ReportFinal},
		"continue, the run after it":     {word: schemas.OnColumnChangeContinue, columns: read[:2], gone: []string{"PLAN"}, want: schemas.ReportFinal},
		"continue, never read":           {word: schemas.OnColumnChangeContinue, columns: read[:2], want: schemas.ReportAbandoned},
		"continue, no run before":        {word: schemas.OnColumnChangeContinue, want: schemas.ReportAbandoned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(20)...)
			w.state.Columns, w.state.Gone = c.columns, c.gone
			w.activate(func(a *schemas.ActiveRun) {
				a.Spec.OnColumnChange = c.word
				a.Spec.Mapping = append(a.Spec.Mapping, schemas.Property{From: "PLAN", To: "plan"})
				if !c.older {
					a.Check = &schemas.ResultCheck{}
				}
			})
			w.extract(w.start())
			last := w.last(c.want)
			if last.Abandoned != nil {
				if !last.Abandoned.Permanent || last.Abandoned.Code != failure.CodeColumnMissing || len(w.rows()) > 0 {
					t.Errorf("abandoned: %+v, %d rows", last.Abandoned, len(w.rows()))
				}
				return
			}
			if last.Held != nil {
				if f := last.Held.Figures; len(f) != 1 || f[0].Code != schemas.HoldColumnGone || f[0].Column != "PLAN" || len(w.rows()) > 0 {
					t.Fatalf("held: %+v, %d rows", last.Held, len(w.rows()))
				}
				w.approve(20, last.Held.Figures...)
				w.extract(w.start())
				last = w.last(schemas.ReportFinal)
			}
			if last.Final.Extracted != 20 || len(w.rows()) != 20 {
				t.Errorf("final: %+v, %d rows", last.Final, len(w.rows()))
			}
			for _, r := range w.reports() {
				if r.Started != nil && !slices.Equal(r.Started.Gone, []string{"PLAN"}) {
					t.Errorf("the start says %v is gone", r.Started.Gone)
				}
			}
			if schema := w.rowSchema(); !slices.Equal(schema.Gone, []string{"PLAN"}) {
				t.Errorf("the mapper is told that %v is gone", schema.Gone)
			}
		})
	}
}

// rowSchema is the newest row schema of the import.
func (w *world) rowSchema() schemas.RowSchema {
	w.t.Helper()
	var schema schemas.RowSchema
	w.read(w.topics.Columns(), schemas.ControlPartition(importName), func(rec *kafka.Record) {
		if err := json.Unmarshal(rec.Value, &schema); err != nil {
			w.t.Fatal(err)
		}
	})
	return schema
}

package rowlog

import (
	"bytes"
	"cmp"
	"slices"
)

// finish says what has no result, traces the mapping and orders by time.
func (w *inquiry) finish() {
	for _, a := range w.found {
		if a.Result == "" {
			a.Result, a.Reason = Waiting, "no stage has reported its result yet"
			if a.recordAt < 0 && a.mappedOut {
				a.Result, a.Reason = Unknown, "the mapper has made a record of it, which the records topic holds no longer"
			}
			a.Code, a.Column, a.Property = "", "", ""
		}
		w.trace(a)
	}
	slices.SortStableFunc(w.found, func(x, y *Appearance) int {
		return cmp.Or(x.Time.Compare(y.Time), cmp.Compare(x.number, y.number), cmp.Compare(x.Attempt, y.Attempt))
	})
	for _, a := range w.found {
		w.answer.Rows = append(w.answer.Rows, *a)
	}
	slices.Sort(w.answer.Runs)
}

// trace says what each part of the mapping made of the row.
func (w *inquiry) trace(a *Appearance) {
	if a.Row == nil {
		return
	}
	spec, rule := w.specOf(a)
	if rule == nil {
		a.Notes = append(a.Notes, "what the mapping's lines made of it cannot be told: the topics hold the definition or the columns of the run no longer")
		return
	}
	steps, _ := rule.Mapping.Trace(a.Row, rule.Clock)
	for _, s := range steps {
		line := Line{Property: s.Property, Column: s.Column, Before: s.Before, After: s.After, Result: s.Result, Code: s.Code, Reason: s.Reason}
		if s.Line >= 0 && s.Line < len(spec.Mapping) {
			line.Rule = &spec.Mapping[s.Line]
		}
		a.Lines = append(a.Lines, line)
	}
	if a.Record == nil {
		return
	}
	if made, _ := rule.Mapping.Map(nil, a.Row, rule.Clock); !bytes.Equal(made, a.Record) {
		a.Notes = append(a.Notes, "the lines are traced with the account's settings of today, which make another record of the row")
	}
}

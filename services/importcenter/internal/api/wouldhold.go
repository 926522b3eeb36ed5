package api

import (
	"slices"
	"strings"

	"tapline.dev/domain/oddity"
	"tapline.dev/schemas"
)

// wouldHold says what would keep a run of the sampled definition from its first row, as far
// as the sample shows it: a sync of the sample is not held, because a person has seen it.
// Shares of NULLs and of repeated identities need the whole result.
func (h *handlers) wouldHold(s *sample, lines []DryRunProperty) []string {
	state, _ := h.Catalog.State(schemas.ImportOf(s.Run))
	var notes []string
	if s.Spec.OnColumnChange != schemas.OnColumnChangeContinue {
		word := "a run would wait for an approval: "
		if s.Spec.OnColumnChange == schemas.OnColumnChangeFail {
			word = "a run would fail: "
		}
		for _, f := range oddity.Columns(s.Columns, placesOf(s.Columns, lines), state.Columns) {
			notes = append(notes, word+f.Reason)
		}
	}
	check := schemas.ResultCheck{Runs: len(state.Sizes[schemas.ModeFull])}
	if check.Runs > 0 {
		check.Largest = slices.Max(state.Sizes[schemas.ModeFull])
	}
	for _, f := range oddity.Size(s.population, schemas.ModeFull, s.Spec.Limits.Hold, check) {
		notes = append(notes, "a run that reads everything would wait for an approval: "+f.Reason)
	}
	return notes
}

// placesOf finds the columns of the lines.
func placesOf(columns []schemas.Column, lines []DryRunProperty) []int {
	var places []int
	for _, line := range lines {
		at := slices.IndexFunc(columns, func(c schemas.Column) bool { return c.Name == line.Column })
		if at < 0 {
			at = slices.IndexFunc(columns, func(c schemas.Column) bool { return strings.EqualFold(c.Name, line.Column) })
		}
		if at >= 0 {
			places = append(places, at)
		}
	}
	return places
}

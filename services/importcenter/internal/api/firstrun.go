package api

import (
	"context"
	"fmt"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// pastEvents says what the first run of an event import will send; nothing once it has run.
func (h *handlers) pastEvents(ctx context.Context, c plan.Change) []Consequence {
	if c.Import == nil || c.Outcome == plan.Removed || c.Import.Spec.Destination.Type != schemas.TypeEvent {
		return nil
	}
	state, _ := h.Catalog.State(c.Name)
	cursor := c.Import.Spec.Source.Cursor
	switch {
	case state.Watermark != "" || len(state.Columns) > 0 || state.Initial != "":
		return nil
	case cursor != nil && cursor.Initial != "":
		return []Consequence{{About: "cursor", noted: true, Text: "its first run sends the events whose cursor is at or after " + cursor.Initial + " (spec.source.cursor.initial), and none before"}}
	}
	many := "how many that are is unknown: no dry run yet (tapline dryrun " + c.Name + ")"
	estimate := Confirmation{Import: c.Name, Type: schemas.TypeEvent}
	run := schemas.Command{Import: c.Name, Kind: schemas.CommandRun}
	if h.estimateBySample(ctx, &estimate, run, *c.Import, schemas.DryRunID(c.Name, state.LastDryRun)) {
		many = fmt.Sprintf("about %d (%s)", estimate.Records, estimate.RecordsSource)
	}
	return []Consequence{{About: "cursor", noted: true, Text: "its first run sends every past event that the query gives: " + many + "; spec.source.cursor.initial makes it begin later"}}
}

package api

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

// estimateOf finds out about how many records a command sends, from the nearest
// source that there is. An estimate that cannot be made is unknown: a question is
// asked without it rather than not at all.
func (h *handlers) estimateOf(ctx context.Context, c *Confirmation, cmd schemas.Command, def schemas.Definition) {
	state, _ := h.Catalog.State(cmd.Import)
	if e := def.Spec.Destination.Event; c.Type == schemas.TypeEvent && e != nil && e.CreatedOn == nil {
		// They are stamped with the run's time, so that all are of now.
		defer func() { c.Recent, c.RecentKnown = c.Records, c.RecordsKnown }()
	}
	dryRun := schemas.DryRunID(cmd.Import, state.LastDryRun)
	if cmd.Kind == schemas.CommandSync {
		dryRun = cmd.Run
	}
	if h.estimateBySample(ctx, c, cmd, def, dryRun) {
		return
	}
	if state.Loaded > 0 && cmd.Kind != schemas.CommandSync && cmd.Kind != schemas.CommandBackfill {
		c.Records, c.RecordsKnown = state.Loaded, true
		c.RecordsSource = "as many as its runs have loaded since it last began anew"
	}
}

// estimateBySample takes the sample of a dry run for the whole.
func (h *handlers) estimateBySample(ctx context.Context, c *Confirmation, cmd schemas.Command, def schemas.Definition, dryRun string) bool {
	trial, ok := h.Catalog.State(dryRun)
	if !ok || trial.Sample == nil || runs.SourceHash(trial.Sample.Spec) != runs.SourceHash(def.Spec) {
		return false
	}
	s, err := h.readSample(ctx, trial.Sample)
	if err != nil {
		h.Log.WarnContext(ctx, "a dry run's sample could not be read for an estimate", slog.String("run", dryRun), slog.Any("error", err))
		return false
	}
	records, recent := s.counts()
	age := h.Now().Sub(trial.Sample.TakenAt).Round(time.Minute)
	c.RecordsSource = fmt.Sprintf("by dry run %s, %d minutes ago", dryRun, int(age.Minutes()))
	c.Records, c.Recent = records, recent
	switch {
	case cmd.Kind == schemas.CommandSync:
	case len(s.rows) > 0:
		c.Records = scaled(records, s.population, len(s.rows))
		c.Recent = scaled(recent, s.population, len(s.rows))
	}
	if cmd.Kind == schemas.CommandBackfill {
		c.RecordsSource = "at most, of the whole table " + c.RecordsSource
	}
	c.RecordsKnown, c.RecentKnown = true, c.Type == schemas.TypeEvent
	return true
}

// liveEvent is the mapper's note on an event that live campaigns act on.
const liveEvent = "event_live"

// counts are the records of a sample, and those among them that live campaigns act
// on.
func (s *sample) counts() (records, recent int64) {
	for _, row := range s.rows {
		if row.Record == nil {
			continue
		}
		records++
		for _, note := range row.Omitted {
			if note.Code == liveEvent {
				recent++
				break
			}
		}
	}
	return records, recent
}

// scaled takes a part of a sample for the same part of all rows.
func scaled(n, population int64, sampled int) int64 {
	return int64(float64(population) * float64(n) / float64(sampled))
}

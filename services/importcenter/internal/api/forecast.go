package api

import (
	"context"
	"fmt"
	"log/slog"
	"math"
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
		// These events get the run's time as their time, so all of them are recent.
		defer func() { c.Recent, c.RecentKnown = c.Records, c.RecordsKnown }()
	}
	if cmd.Kind == schemas.CommandResend {
		c.Records, c.RecordsKnown, c.RecordsSource = cmd.Runs.Loaded, true, "as many as these runs have loaded; of a profile only the newest version is sent"
		return
	}
	if cmd.Kind == schemas.CommandReplay {
		c.Records, c.RecordsKnown, c.RecordsSource = cmd.Replay.Selected, true, "as many as there are rejects to replay; of a profile one is sent"
		return
	}
	if cmd.Kind == schemas.CommandRepair {
		c.Records, c.RecordsKnown, c.RecordsSource = cmd.Repair.Selected, true, "as many people as the verification has found"
		return
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

// estimateBySample extrapolates from the sample of a dry run.
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
	records, recent := s.counts(cmd.Kind == schemas.CommandSync)
	age := h.Now().Sub(trial.Sample.TakenAt).Round(time.Minute)
	c.RecordsSource = fmt.Sprintf("by dry run %s, %d minutes ago", dryRun, int(age.Minutes()))
	c.Records, c.Recent = records, recent
	switch {
	case cmd.Kind == schemas.CommandSync:
	default:
		c.Records, c.Recent = s.ofAll(records), s.ofAll(recent)
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
// on; for a sync, without those that it leaves out.
func (s *sample) counts(sync bool) (records, recent int64) {
	for _, row := range s.rows {
		if row.Record == nil || sync && row.Older {
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

// ofAll takes a part of the sample for the same part of all rows. Each row is as
// likely to be drawn as any other.
func (s *sample) ofAll(n int64) int64 {
	if s.read == 0 {
		return 0
	}
	return int64(math.Round(float64(s.population) * float64(n) / float64(s.read)))
}

package book

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

// Define takes in a definition, new or changed.
func (b *Book) Define(ctx context.Context, def schemas.Definition, now time.Time) {
	if b.broken[def.Metadata.Name] {
		return
	}
	e := b.entry(def.Metadata.Name)
	if e.state != nil && isAnother(def, e.state.Generation) {
		// The record of the deletion between them may be gone from the log.
		b.log.InfoContext(ctx, "the import was deleted and created again", slog.String("import", e.name))
		b.Undefine(ctx, e.name, now)
	}
	e.def, e.dueKnown, e.unreadable = &def, false, false
	b.out.Listings[e.name] = true
	source := runs.SourceHash(def.Spec)
	if e.state == nil {
		e.state = &schemas.State{Import: e.name}
	}
	s := e.state
	applied := def.AppliedAt
	if applied.IsZero() {
		applied = now
	}
	if s.Generation != def.Generation {
		s.Generation = def.Generation
		b.stateChanged(e, now)
	}
	if def.Spec.Draft {
		b.draft(ctx, e, now)
		return
	}
	b.leaveDraft(e, applied, now)
	b.compareSchedules(e, applied, now)
	b.compareDefinition(ctx, e, source, now)
}

// compareSchedules begins the schedules of a definition that are not in force yet.
func (b *Book) compareSchedules(e *entry, applied, now time.Time) {
	s, since := e.state, applied
	if s.Anchor == nil {
		s.Anchor = &applied
		// The first run of an interval is due at once, when the import is first applied:
		// the anchor itself lies after this instant.
		since = applied.Add(-time.Nanosecond)
		b.stateChanged(e, now)
	}
	if schedules := scheduleHash(e.def.Spec); s.ScheduleHash != schedules {
		s.ScheduleHash, s.ScheduleSince, s.ByHand = schedules, &since, false
		s.DueFrom, s.ActedOn = nil, nil // they are about the instants of other schedules
		b.stateChanged(e, now)
	}
}

// isAnother reports whether a definition is of another import than the one whose newest
// generation is known, which had the same name and was deleted. The generations of one
// import only rise; those of the next one begin after them, or with 1 where Import
// Center has kept none.
func isAnother(def schemas.Definition, known int) bool {
	return def.Generation < known || known > 0 && def.FirstGeneration > known
}

// Unreadable takes in that the newest definition cannot be read, by this version
// at least. It is no deletion: the watermark and the ledger stay for the next
// definition that can be read, and an active run goes on to its end with the spec
// that it began with. No run is started. The older definition is not used either:
// a person has replaced it, and compaction may remove it before the next takeover.
func (b *Book) Unreadable(importName string) {
	e, ok := b.imports[importName]
	if !ok {
		return
	}
	e.def, e.dueKnown, e.unreadable = nil, false, true
	b.out.Listings[e.name] = true
}

// Undefine takes in that a definition was deleted: the active run is cancelled,
// and an import of that name that comes later begins without a state. Run numbers go on,
// so that no run's name ever means two runs.
func (b *Book) Undefine(ctx context.Context, importName string, now time.Time) {
	e, ok := b.imports[importName]
	if !ok || e.state == nil {
		return
	}
	e.def, e.dueKnown, e.unreadable = nil, false, false
	s := e.state
	b.dropQueued(e, now)
	s.SourceHash, s.Watermark, s.TimeBasis, s.Ledger, s.Columns, s.Gone = "", "", "", nil, nil, nil
	s.Place, s.Pending, s.Events, s.LastEnded, s.LastSucceeded = nil, nil, nil, nil, nil
	s.Sizes = nil
	s.Replays, s.Reconciles, s.EpochFirst, s.Baseline = nil, nil, 0, nil
	s.Interrupted, s.UnfinishedEvents, s.Loaded, s.OpenRejects, s.OpenBeside, s.Dismissed = nil, 0, 0, 0, 0, 0
	s.Anchor, s.LastDue, s.DueFrom, s.ActedOn, s.SkippedDue = nil, nil, nil, nil, nil
	s.Paused, s.Generation = false, 0
	s.Stopped, s.Draft, s.Initial, s.Planned = false, false, "", nil
	s.ScheduleHash, s.ScheduleSince, s.ByHand = "", nil, false
	b.deleteClosedFolds(e)
	b.stateChanged(e, now)
	if s.Active != nil {
		b.log.InfoContext(ctx, "the import was deleted: its run is cancelled", slog.String("run", s.Active.Run))
		b.end(e, schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}, now)
	}
}

// scheduleHash covers what decides when an import is due.
func scheduleHash(spec schemas.ImportSpec) string {
	return hash(struct {
		Schedules  []schemas.Schedule
		Zone       string
		Start, End *time.Time
	}{spec.Schedules, spec.Timezone, spec.Start, spec.End})
}

func hash(v any) string {
	// Texts, numbers and times always encode.
	text, _ := json.Marshal(v)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// queuedEvent is the run event of the queued run. An import has only one queued
// run, so its number is certain before it begins.
func queuedEvent(e *entry) schemas.Run {
	return waitingEvent(e, e.state.Queued)
}

// waitingEvent is the run event of a run that would begin next.
func waitingEvent(e *entry, q *schemas.QueuedRun) schemas.Run {
	return schemas.Run{
		Run: schemas.RunID(e.name, e.state.LastNumber+1), Import: e.name, Mode: mode(e, q), State: schemas.StateQueued,
		Attempt: 1, Epoch: e.state.Epoch, Cause: q.Cause, Actor: q.Actor, Due: q.Due, DueFrom: q.DueFrom, To: q.To, Runs: q.Runs, Replay: q.Replay, Repair: q.Repair, StartedAt: q.Time,
		RejectsByCode: map[string]int64{}, SkippedByReason: map[string]int64{},
	}
}

// dropQueued cancels the queued run before it begins. Its number is not used again.
func (b *Book) dropQueued(e *entry, now time.Time) {
	if e.state.Queued == nil {
		return
	}
	r := queuedEvent(e)
	r.State, r.FinishedAt = schemas.StateCancelled, &now
	e.state.LastNumber++
	e.state.Queued = nil
	b.out.Events = append(b.out.Events, r)
	b.stateChanged(e, now)
}

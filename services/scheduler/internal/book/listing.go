package book

import (
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// Statuses of an import.
const (
	statusDraft     = "Draft"
	statusRunning   = "Running"
	statusScheduled = "Scheduled"
	statusReady     = "Ready"
	statusPaused    = "Paused"
	statusStopped   = "Stopped"
)

// Listing is the import as the listing shows it, nil once it is deleted.
func (b *Book) Listing(importName string) *schemas.Listing {
	e, ok := b.imports[importName]
	if !ok || e.state == nil || (e.def == nil && !e.unreadable) {
		return nil
	}
	l := &schemas.Listing{Import: e.name, Status: status(e), Watermark: e.state.Watermark, Epoch: e.state.Epoch, OpenRejects: e.state.OpenRejects, Unfinished: e.state.UnfinishedEvents}
	if e.def != nil {
		l.DisplayName, l.Type, l.Generation = e.def.Metadata.DisplayName, e.def.Spec.Destination.Type, e.def.Generation
		l.Schedule = schedule.Describe(e.def.Spec.Schedules, e.def.Spec.Timezone)
	}
	if e.last != nil {
		l.LastRun, l.LastRunState, l.LastRunAt = e.last.Run, e.last.State, &e.last.StartedAt
		l.Health, l.Future = health(e.state, e.last), e.last.Counts.Future
	}
	if a := e.state.Active; a != nil {
		started := a.StartedAt
		l.LastRun, l.LastRunState, l.LastRunAt, l.HeldBecause = a.Run, a.State, &started, a.HeldBecause
	}
	if next := nextRun(e); !next.IsZero() {
		l.NextRunAt = &next
	}
	l.Planned = e.state.Planned
	return l
}

func status(e *entry) string {
	switch {
	case e.state.Active != nil:
		return statusRunning
	case e.def != nil && e.def.Spec.Draft:
		return statusDraft
	case e.state.Stopped:
		return statusStopped
	case e.state.Paused:
		return statusPaused
	case e.def == nil:
		return statusStopped
	case len(e.state.Planned) > 0:
		return statusScheduled
	case len(e.def.Spec.Schedules) == 0:
		return statusReady
	case !e.dueKnown || !e.nextDue.IsZero():
		return statusScheduled
	case !e.state.ByHand:
		return statusStopped // until a person resumes it
	}
	return statusReady
}

func nextRun(e *entry) time.Time {
	if e.state.Paused || e.def == nil {
		return time.Time{}
	}
	var next time.Time
	if e.dueKnown {
		next = e.nextDue
	}
	if planned := e.state.Planned; len(planned) > 0 && (next.IsZero() || planned[0].At.Before(next)) {
		next = planned[0].At
	}
	return next
}

// health is the share of the epoch's records that got through: loaded records
// divided by loaded records and open rejects. It is lastShare instead after a run
// that did not succeed, and while the epoch has neither of them.
func health(s *schemas.State, last *schemas.Run) *float64 {
	share := lastShare(last)
	if all := s.Loaded + s.OpenRejects; all > 0 && succeeded(last.State) {
		through := float64(s.Loaded) / float64(all)
		share = &through
	}
	return share
}

// lastShare is the share of the rows read by a run that were processed, nil if the
// run failed or was cancelled before it read any. A superseded record counts as
// processed, because a later record of the same identity has all of its keys; so does
// a suppressed one, which is not sent because a person wants it so.
func lastShare(r *schemas.Run) *float64 {
	if r.Counts.Read == 0 && (r.State == schemas.StateFailed || r.State == schemas.StateCancelled) {
		return nil
	}
	share := 1.0
	if c := r.Counts; c.Read > 0 {
		failed := c.Rejected() + c.StillRejected + c.Skipped() - r.SkippedByReason[schemas.SkipSuperseded] - r.SkippedByReason[schemas.SkipSuppressed]
		share = float64(max(c.Read-failed, 0)) / float64(c.Read)
	}
	return &share
}

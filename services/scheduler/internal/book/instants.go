package book

import (
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// scheduledRun is the run of the newest due instant. It stands for the earlier ones
// too that nobody has acted on.
func scheduledRun(first, latest, now time.Time) schemas.QueuedRun {
	q := schemas.QueuedRun{Key: latest.Format(time.RFC3339Nano), Cause: schemas.CauseSchedule, Time: now, Due: &latest}
	if first.Before(latest) {
		q.DueFrom = &first
	}
	return q
}

// firstDue is the first due instant after the given one, which is latest at the
// latest.
func firstDue(cal schedule.Calendar, after, latest time.Time) time.Time {
	if first, ok, err := cal.Next(after); err == nil && ok && first.Before(latest) {
		return first
	}
	return latest
}

// joinDue makes the queued run stand for the due instants of a request that collapses
// into it.
func joinDue(e *entry, q schemas.QueuedRun) {
	if q.Due == nil {
		return
	}
	queued := e.state.Queued
	switch {
	case queued.DueFrom != nil:
	case queued.Due != nil:
		queued.DueFrom = queued.Due
	default:
		queued.DueFrom = q.DueFrom
	}
	queued.Due = q.Due
}

// skipPaused notes the instants that fell due while the import was paused. Nothing
// runs them later.
func skipPaused(e *entry, now time.Time) {
	if e.def == nil {
		return
	}
	cal, after := schedule.Applied(*e.def, *e.state)
	latest, passed, err := cal.Latest(after, now)
	if err != nil || !passed {
		return
	}
	addSkippedDue(e, schemas.SkippedDue{From: firstDue(cal, after, latest), To: latest, Reason: schemas.SkippedPaused, Time: now})
}

// addSkippedDue keeps the newest MaxSkippedDue.
func addSkippedDue(e *entry, s schemas.SkippedDue) {
	all := append(e.state.SkippedDue, s)
	e.state.SkippedDue = all[max(0, len(all)-schemas.MaxSkippedDue):]
}

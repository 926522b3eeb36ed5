package book

import (
	"slices"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// scheduledRun is the run of the newest due instant. It covers the earlier instants too
// that had no run.
func scheduledRun(first, latest, now time.Time) schemas.QueuedRun {
	q := schemas.QueuedRun{Key: latest.Format(time.RFC3339Nano), Cause: schemas.CauseSchedule, Time: now, Due: &latest}
	if first.Before(latest) {
		q.DueFrom = &first
	}
	return q
}

// firstDue is the first due instant after the given one, and latest if there is none
// before that.
func firstDue(cal schedule.Calendar, after, latest time.Time) time.Time {
	if first, ok, err := cal.Next(after); err == nil && ok && first.Before(latest) {
		return first
	}
	return latest
}

// passedDue describes the due instants that have passed. first and last bound those that
// were not acted on yet; newest is the last of all.
type passedDue struct {
	first, last, newest time.Time
	again               bool // all were acted on before the clock was set back; first and last mean nothing
}

// duePassed returns the due instants after the given one and not after now, and false if
// there are none.
func duePassed(s *schemas.State, cal schedule.Calendar, after, now time.Time) (passedDue, bool, error) {
	newest, found, err := cal.Latest(after, now)
	if err != nil || !found {
		return passedDue{}, false, err
	}
	p := passedDue{last: newest, newest: newest}
	for in := actedOn(s, p.last); in >= 0; in = actedOn(s, p.last) {
		p.last, found, err = cal.Latest(after, s.ActedOn[in].From.Add(-time.Nanosecond))
		if err != nil {
			return passedDue{}, false, err
		}
		if !found {
			p.again = true
			return p, true, nil
		}
	}
	p.first = firstDue(cal, after, p.last)
	for in := actedOn(s, p.first); in >= 0; in = actedOn(s, p.first) {
		p.first = firstDue(cal, s.ActedOn[in].To, p.last)
	}
	return p, true, nil
}

// actedOn is the index of the span that the instant is in, or below 0.
func actedOn(s *schemas.State, due time.Time) int {
	return slices.IndexFunc(s.ActedOn, func(span schemas.DueSpan) bool { return !due.Before(span.From) && !due.After(span.To) })
}

// noteDue notes that the due instants have been acted on, together if they are several.
func noteDue(s *schemas.State, p passedDue) {
	if !p.again && (s.DueFrom == nil || p.first.Before(p.last)) {
		s.DueFrom = &p.last
	}
	s.ActedOn = slices.DeleteFunc(s.ActedOn, func(span schemas.DueSpan) bool { return !span.To.After(p.newest) })
	s.LastDue = &p.newest
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

package listing

import (
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// Statuses of an import.
const (
	Draft     = "Draft"
	Running   = "Running"
	Scheduled = "Scheduled"
	Ready     = "Ready"
	Paused    = "Paused"
	Stopped   = "Stopped"
)

// Import is what the log says of an import.
type Import struct {
	Name string
	// Definition is nil while the newest one cannot be read.
	Definition *schemas.Definition
	State      *schemas.State
	// Last is the newest closed run; nil if there is none.
	Last *schemas.Run
	// Waiting is what the active run waits for.
	Waiting *schemas.Waiting
}

// Of is the import as its state shows it.
func Of(i Import) *schemas.Listing {
	s := i.State
	l := &schemas.Listing{
		Import: i.Name, Status: status(i), Watermark: s.Watermark, Epoch: s.Epoch, OpenRejects: s.OpenRejects, Unfinished: s.UnfinishedEvents,
	}
	if d := i.Definition; d != nil {
		l.DisplayName, l.Type, l.Generation = d.Metadata.DisplayName, d.Spec.Destination.Type, d.Generation
		l.Schedule = schedule.Describe(d.Spec.Schedules, d.Spec.Timezone)
	}
	if last := i.Last; last != nil {
		l.LastRun, l.LastRunState, l.LastRunAt, l.LastRunRead = last.Run, last.State, &last.StartedAt, last.Counts.Read
		l.Health, l.Future = health(s, last), last.Counts.Future
		l.Snowflake = snowflake(i)
		if last.Error != nil {
			l.LastRunError = last.Error.Code
		}
	}
	if ended := s.LastEnded; i.Last == nil && ended != nil {
		fromState(l, s, ended)
	}
	if a := s.Active; a != nil {
		started := a.StartedAt
		l.LastRun, l.LastRunState, l.LastRunAt, l.HeldBecause = a.Run, a.State, &started, a.HeldBecause
		if i.Waiting != nil && !i.Waiting.Over {
			l.Waiting = i.Waiting
		}
	}
	if ok := s.LastSucceeded; ok != nil {
		l.LastSuccess, l.LastSuccessAt = ok.Run, &ok.StartedAt
	}
	if next := nextRun(i); !next.IsZero() {
		l.NextRunAt = &next
	}
	l.Planned = s.Planned
	return l
}

// snowflake is what the newest closed run took at Snowflake, and what a day takes if every
// scheduled run takes as much.
func snowflake(i Import) *schemas.SnowflakeUse {
	if i.Last.Snowflake == nil {
		return nil
	}
	u := *i.Last.Snowflake
	if i.Definition != nil {
		cal, _ := schedule.Applied(*i.Definition, *i.State)
		u.SecondsPerDay = u.ExecutionSeconds * cal.PerDay(i.Last.StartedAt)
	}
	return &u
}

func status(i Import) string {
	switch {
	case i.State.Active != nil:
		return Running
	case i.Definition != nil && i.Definition.Spec.Draft:
		return Draft
	case i.State.Stopped:
		return Stopped
	case i.State.Paused:
		return Paused
	case i.Definition == nil:
		return Stopped
	case len(i.State.Planned) > 0:
		return Scheduled
	case len(i.Definition.Spec.Schedules) == 0:
		return Ready
	case !nextDue(i).IsZero():
		return Scheduled
	case !i.State.ByHand:
		return Stopped // until a person resumes it
	}
	return Ready
}

func nextRun(i Import) time.Time {
	if i.State.Paused || i.Definition == nil || i.Definition.Spec.Draft {
		return time.Time{}
	}
	next := nextDue(i)
	if planned := i.State.Planned; len(planned) > 0 && (next.IsZero() || planned[0].At.Before(next)) {
		next = planned[0].At
	}
	return next
}

// nextDue is the first due instant that has not been acted on, zero if there is none.
func nextDue(i Import) time.Time {
	cal, after := schedule.Applied(*i.Definition, *i.State)
	next, ok, err := cal.Next(after)
	if err != nil || !ok {
		return time.Time{}
	}
	return next
}

// health is the share of the epoch's records that got through: loaded records
// divided by loaded records and open rejects. It is Share instead after a run
// that did not succeed, and while the epoch has neither of them.
func health(s *schemas.State, last *schemas.Run) *float64 {
	share := Share(last)
	if all := s.Loaded + s.OpenRejects; all > 0 && Succeeded(last.State) {
		through := float64(s.Loaded) / float64(all)
		share = &through
	}
	return share
}

// Succeeded reports whether a run in this state has moved what it was to move.
func Succeeded(state string) bool {
	return state == schemas.StateSucceeded || state == schemas.StateSucceededWithRejects
}

// Share is the share of the rows read by a run that were processed, nil if the
// run failed or was cancelled before it read any. A superseded record counts as
// processed, because a later record of the same identity has all of its keys; so does
// a suppressed one, which is not sent because a person wants it so.
func Share(r *schemas.Run) *float64 {
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

// Ended is what a state keeps of a run that has ended.
func Ended(r schemas.Run) *schemas.EndedRun {
	ended := &schemas.EndedRun{
		Run: r.Run, State: r.State, StartedAt: r.StartedAt, Read: r.Counts.Read, Future: r.Counts.Future, Share: Share(&r),
	}
	if r.FinishedAt != nil {
		ended.Time = *r.FinishedAt
	}
	if r.Error != nil {
		ended.Code = r.Error.Code
	}
	return ended
}

// fromState tells of the newest closed run where only the state is at hand.
func fromState(l *schemas.Listing, s *schemas.State, ended *schemas.EndedRun) {
	l.LastRun, l.LastRunState, l.LastRunRead, l.LastRunError, l.Future = ended.Run, ended.State, ended.Read, ended.Code, ended.Future
	if !ended.StartedAt.IsZero() {
		l.LastRunAt = &ended.StartedAt
	}
	l.Health = ended.Share
	if all := s.Loaded + s.OpenRejects; all > 0 && Succeeded(ended.State) {
		through := float64(s.Loaded) / float64(all)
		l.Health = &through
	}
}

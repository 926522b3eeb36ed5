package book

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// Tick does what the clock asks for: runs that are due, attempts, deadlines and
// events of progress.
func (b *Book) Tick(ctx context.Context, now time.Time) {
	for _, e := range b.sorted() {
		if e.state == nil {
			continue
		}
		b.startQueued(ctx, e, now)
		b.due(ctx, e, now)
		if s := e.state.Sample; s != nil && now.Sub(s.TakenAt) > schemas.TrialRetention {
			b.forgetTrial(e)
			continue
		}
		if e.state.Active == nil {
			continue
		}
		a := e.state.Active
		switch {
		case a.RetryAt != nil && !a.RetryAt.After(now):
			b.retry(ctx, e, now)
		case a.RetryAt == nil && a.State != schemas.StateHeld && now.Sub(b.progressAt(e)) > b.deadline(a):
			b.expire(ctx, e, now)
		case e.eventDue && now.Sub(e.eventAt) >= b.cfg.ProgressEvery:
			b.event(e, now)
		}
	}
}

// NextWake is the earliest instant at which Tick has something to begin, and
// false if there is none. Deadlines and events of progress are not in it: they
// may come late by a tick.
func (b *Book) NextWake() (time.Time, bool) {
	var wake time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (wake.IsZero() || t.Before(wake)) {
			wake = t
		}
	}
	for _, e := range b.imports {
		if e.dueKnown {
			consider(e.nextDue)
		}
		if e.state != nil && e.state.Active != nil && e.state.Active.RetryAt != nil {
			consider(*e.state.Active.RetryAt)
		}
	}
	return wake, !wake.IsZero()
}

// maxAhead is how far the newest due instant taken up may lie ahead of now: a
// takeover by a clock that is a little behind must not repeat it. It is also the
// longest that a schedule is silent after a clock was set back.
const maxAhead = time.Hour

// due begins the run of the newest due instant that has passed. The instant is
// written with the trigger, in the state, so that no restart repeats it.
func (b *Book) due(ctx context.Context, e *entry, now time.Time) {
	if e.def == nil || e.state.Paused {
		return
	}
	if due := e.state.LastDue; due != nil && due.Sub(now) > maxAhead {
		// A clock had jumped ahead and has been corrected. The schedules would be
		// silent until the clock is there again, perhaps for years; without the
		// instant one run too many may begin.
		b.log.WarnContext(ctx, "a due instant lies in the future and is forgotten", slog.String("import", e.name), slog.Time("due", *due))
		e.state.LastDue, e.dueKnown = nil, false
		b.changed(e, now)
	}
	if e.dueKnown && (e.nextDue.IsZero() || e.nextDue.After(now)) {
		return
	}
	spec := e.def.Spec
	cal := schedule.Calendar{Schedules: spec.Schedules, Zone: spec.Timezone, Start: spec.Start, End: spec.End, Anchor: *e.state.Anchor}
	// A schedule is not in force before it was applied, and stays so through edits
	// of other things: an instant that fell due while nobody looked is made up for.
	after := *e.state.ScheduleSince
	if due := e.state.LastDue; due != nil && due.After(after) {
		after = *due
	}
	latest, passed, err := cal.Latest(after, now)
	if err != nil {
		b.log.ErrorContext(ctx, "the schedules of an import make no sense", slog.String("import", e.name), slog.Any("error", err))
		e.nextDue, e.dueKnown = time.Time{}, true
		return
	}
	if passed {
		skip := spec.CatchUp == schemas.CatchUpSkip && now.Sub(latest) > b.cfg.CatchUpGrace
		if !skip && !b.request(ctx, e, schemas.QueuedRun{Key: latest.Format(time.RFC3339Nano), Cause: schemas.CauseSchedule, Time: now}, now) {
			// The place in the queue is taken by another window: the instant stays
			// due until that one has begun.
			e.nextDue, e.dueKnown = latest, true
			return
		}
		e.state.LastDue, after = &latest, latest
		b.changed(e, now)
	}
	next, _, err := cal.Next(after)
	if err != nil {
		next = time.Time{}
	}
	e.nextDue, e.dueKnown = next, true
	b.out.Listings[e.name] = true
}

// progressAt is from when the deadline counts: the run's newest progress, or the
// end of its wait for an account, which goes on for as long as somebody renews
// it. A run that is to end needs no account any more.
func (b *Book) progressAt(e *entry) time.Time {
	a, at := e.state.Active, e.fold.ProgressAt
	if a.Ending != nil {
		return at
	}
	if until := fold.WaitsUntil(e.fold, min(schemas.WaitingExpiry, b.deadline(a))); until.After(at) {
		return until
	}
	return at
}

func (b *Book) deadline(a *schemas.ActiveRun) time.Duration {
	if schemas.IsTrial(a.Run) {
		return trialDeadline
	}
	if d := a.Spec.Limits.Deadline.Std(); d > 0 {
		return d
	}
	return b.cfg.Deadline
}

// expire ends a run that no longer gets on, without waiting for its counts, and
// says what is missing in them.
func (b *Book) expire(ctx context.Context, e *entry, now time.Time) {
	a := e.state.Active
	stage, difference := fold.Stuck(e.fold)
	if a.State == schemas.StateStarting {
		stage, difference = unresolved(e)
	}
	reason := fmt.Sprintf("no progress for %s: %s", schemas.Duration(b.deadline(a)), difference)
	switch {
	case a.Ending == nil:
		b.close(ctx, e, schemas.StateFailed, fold.BoundError(stage, fold.CodeNoProgress, reason), now)
	case a.Ending.Error == nil:
		b.close(ctx, e, a.Ending.State, fold.BoundError(stage, fold.CodeNoProgress, reason), now)
	default:
		fold.Note(e.fold, reason)
		b.close(ctx, e, a.Ending.State, a.Ending.Error, now)
	}
}

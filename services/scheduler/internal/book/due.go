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

// Tick does what depends on the time: it begins queued runs, due runs and next
// attempts, ends runs at their deadline, and adds progress events.
func (b *Book) Tick(ctx context.Context, now time.Time) {
	for _, e := range b.sorted() {
		if e.state == nil {
			continue
		}
		b.correctFutureInstants(ctx, e, now)
		b.startQueued(ctx, e, now)
		b.planned(ctx, e, now)
		b.due(ctx, e, now)
		if s := e.state.Sample; s != nil && now.Sub(s.TakenAt) > schemas.TrialRetention {
			b.deleteTrial(e)
			continue
		}
		if e.state.Active == nil {
			continue
		}
		a := e.state.Active
		switch {
		case a.RetryAt != nil && !a.RetryAt.After(now) && !drains(e):
			b.retry(ctx, e, now)
		case (a.RetryAt == nil || drains(e)) && a.State != schemas.StateHeld && now.Sub(b.progressAt(e)) > b.deadline(a):
			b.expire(ctx, e, now)
		case a.State == schemas.StateHeld && a.HeldBecause.Code == schemas.HoldWarehouseTime && !warehouseTimeUsed(e, now):
			b.release(e, now)
		case e.eventDue && now.Sub(e.lastEventAt) >= b.cfg.ProgressEvery:
			b.addRunEvent(e, now)
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
		if e.state != nil && len(e.state.Planned) > 0 && e.state.Queued == nil && e.def != nil {
			consider(e.state.Planned[0].At)
		}
		if e.state != nil && e.state.Active != nil && e.state.Active.RetryAt != nil && !drains(e) {
			consider(*e.state.Active.RetryAt)
		}
	}
	return wake, !wake.IsZero()
}

// drains reports whether the next attempt waits until each row of the abandoned attempts
// has an outcome. Only then is it certain which events they have loaded, and the next
// attempt must not load those again.
func drains(e *entry) bool {
	a := e.state.Active
	return a.RetryAt != nil && a.Spec.Destination.Type == schemas.TypeEvent && a.Mode != schemas.ModeSync && !e.isTrial() && !fold.Accounted(e.fold)
}

// due begins the run of the newest due instant that has passed. The instant is
// written with the trigger, in the state, so that no restart repeats it.
func (b *Book) due(ctx context.Context, e *entry, now time.Time) {
	if e.def == nil || e.def.Spec.Draft || e.state.Paused {
		return
	}
	if e.dueKnown && (e.nextDue.IsZero() || e.nextDue.After(now)) {
		return
	}
	spec := e.def.Spec
	cal, after := schedule.Applied(*e.def, *e.state)
	p, passed, err := duePassed(e.state, cal, after, now)
	if err != nil {
		b.log.ErrorContext(ctx, "the schedules of an import are invalid", slog.String("import", e.name), slog.Any("error", err))
		e.nextDue, e.dueKnown = time.Time{}, true
		return
	}
	if passed {
		switch {
		case p.again:
		case spec.CatchUp == schemas.CatchUpSkip && now.Sub(p.last) > b.cfg.CatchUpGrace:
			addSkippedDue(e, schemas.SkippedDue{From: p.first, To: p.last, Reason: schemas.SkippedLate, Time: now})
		case !b.request(ctx, e, scheduledRun(p.first, p.last, now), now):
			// A run of another window is queued already. The instant stays due until
			// that run has begun.
			e.nextDue, e.dueKnown = p.last, true
			return
		}
		noteDue(e.state, p)
		after = p.newest
		b.stateChanged(e, now)
	}
	next, _, err := cal.Next(after)
	if err != nil {
		next = time.Time{}
	}
	e.nextDue, e.dueKnown = next, true
	b.out.Listings[e.name] = true
}

// schedulesOver reports whether an import has schedules and none of them has a further
// instant. It is stopped then, until a person resumes it.
func schedulesOver(e *entry) bool {
	if e.def == nil || e.def.Spec.Draft || len(e.def.Spec.Schedules) == 0 || e.state.ByHand {
		return false
	}
	cal, after := schedule.Applied(*e.def, *e.state)
	_, further, err := cal.Next(after)
	return err == nil && !further
}

// progressAt is the instant from which the deadline counts: the run's newest
// progress, or the instant at which its wait for an account expires, if that is
// later. Each report of the wait renews it. The wait does not count for a run that
// is ending: it skips its records and needs no account.
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

// expire closes a run that makes no progress although rows of it have no outcome, and
// says which counts are missing.
func (b *Book) expire(ctx context.Context, e *entry, now time.Time) {
	a := e.state.Active
	stage, difference := fold.Stuck(e.fold)
	if a.State == schemas.StateStarting {
		stage, difference = missingPlace(e)
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

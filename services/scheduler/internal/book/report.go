package book

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// Report takes in a report and reports whether it was used. A report of a run that
// is not active is ignored, because the counts of that run are closed. The caller
// calls CloseSettled after the last report of a step.
func (b *Book) Report(ctx context.Context, r *schemas.Report, now time.Time) bool {
	e, ok := b.imports[schemas.Subject(r.Import, r.Run)]
	if !ok || e.state == nil || e.state.Active == nil || e.state.Active.Run != r.Run {
		return false
	}
	a := e.state.Active
	if !fold.Plausible(r) {
		b.log.ErrorContext(ctx, "a report with an impossible partition number is dropped", slog.String("run", a.Run), slog.String("kind", r.Kind))
		return false
	}
	if r.Resolved != nil {
		b.placeReported(ctx, e, r.Resolved, now)
		return true
	}
	if r.Clocks != nil && r.Clocks.Beside {
		return false // Import Center reads it; the owner's answer ends the question
	}
	if r.Snowflake != nil {
		b.countSnowflake(e, r, now)
	}
	if r.Held != nil {
		b.resultHeld(ctx, e, r, now)
		return true
	}
	hadFinal := e.fold.Final != nil
	waited := e.fold.Waiting != nil
	fold.Apply(e.fold, a.Attempt, r, now)
	if r.Started != nil {
		fold.Compare(e.fold, e.state.Columns)
	}
	b.out.Folds[a.Run] = e.fold
	e.eventDue = true
	switch {
	case (r.Preview != nil || r.Connection != nil || r.Tables != nil || r.Account != nil || r.Clocks != nil) && r.Attempt == a.Attempt:
		b.closeTrial(ctx, e, schemas.StateSucceeded, nil, now)
	case r.Waiting != nil && !r.Waiting.Over && schemas.IsDryRun(a.Run) && a.Ending == nil && r.Time.Sub(r.Waiting.Since) >= dryRunPatience:
		b.waitedTooLong(ctx, e, r.Waiting, now)
	case r.Abandoned != nil && r.Attempt == a.Attempt && schemas.IsPreview(a.Run):
		// A preview is not tried again: the person who asked sees the reason.
		b.closeTrial(ctx, e, schemas.StateFailed, fold.BoundError(schemas.StageExtract, r.Abandoned.Code, r.Abandoned.Reason), now)
	case r.Abandoned != nil && r.Attempt == a.Attempt && !hadFinal && a.RetryAt == nil:
		b.abandoned(ctx, e, r.Abandoned, now)
	case !hadFinal && e.fold.Final != nil:
		a.State = schemas.StateLoading
		b.stateChanged(e, now)
		b.addRunEvent(e, now)
	case waited != (e.fold.Waiting != nil), r.Started != nil:
		b.addRunEvent(e, now)
		if !e.isTrial() {
			b.out.Listings[e.name] = true // it says what the run waits for
		}
	}
	return true
}

// abandoned decides what follows an attempt that cannot go on.
func (b *Book) abandoned(ctx context.Context, e *entry, ab *schemas.Abandoned, now time.Time) {
	a := e.state.Active
	log := b.log.With(slog.String("run", a.Run), slog.Int("attempt", a.Attempt), slog.String("code", ab.Code))
	switch {
	case a.Ending != nil:
		b.endEarly(e)
	case ab.Permanent || attemptsSinceApproval(a) >= b.cfg.MaxAttempts || schemas.IsDryRun(a.Run) && a.Attempt >= dryRunAttempts:
		log.WarnContext(ctx, "the extraction failed; no further attempt follows")
		b.endEarly(e)
		b.end(e, schemas.Ending{
			State: schemas.StateFailed, Skip: schemas.SkipStopped,
			Error: fold.BoundError(schemas.StageExtract, ab.Code, ab.Reason),
		}, now)
	default:
		delay := min(b.cfg.RetryDelay<<min(attemptsSinceApproval(a)-1, 20), b.cfg.RetryMax)
		at := now.Add(delay)
		a.RetryAt = &at
		log.WarnContext(ctx, "the extraction was abandoned; another attempt follows", slog.Duration("in", delay))
	}
	b.stateChanged(e, now)
}

// CloseSettled closes the runs that are settled. Callers apply all reports of a step
// first.
func (b *Book) CloseSettled(ctx context.Context, now time.Time) {
	for _, e := range b.sorted() {
		if e.state == nil || e.state.Active == nil {
			continue
		}
		if _, touched := b.out.Folds[e.state.Active.Run]; touched {
			b.closeIfSettled(ctx, e, now)
		}
	}
}

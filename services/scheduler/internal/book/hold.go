package book

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

// hold lets the active run wait until a person approves or declines it: neither a
// deadline nor a schedule ends the wait. A new reason to hold a run needs a code of
// its own, and a case in approve.
func (b *Book) hold(ctx context.Context, e *entry, h schemas.Hold, now time.Time) {
	a := e.state.Active
	h.Since = now
	a.State, a.HeldBecause = schemas.StateHeld, &h
	b.log.WarnContext(ctx, "the run waits for an approval", slog.String("run", a.Run), slog.String("code", h.Code))
	b.writeWithoutTrigger(e, now)
}

// holdPending holds a run that would begin an epoch in which events are stored twice.
func (b *Book) holdPending(ctx context.Context, e *entry, now time.Time) {
	s := e.state
	b.hold(ctx, e, schemas.Hold{
		Code: schemas.HoldEventsRepeat, Records: s.Events.Stored, AtLeast: s.Events.AtLeast,
		Reason: s.Pending.Reason + ": every event would be read and sent again, and those that CleverTap has stored would be there twice",
	}, now)
}

// endHold lets the active run, which was held, continue. The run has its whole deadline
// again, and imports that come after it wait for it for their whole limit again.
func endHold(e *entry, now time.Time) {
	a := e.state.Active
	a.State, a.HeldBecause, a.HeldUntil = schemas.StateExtracting, nil, &now
	e.fold.ProgressAt = now
}

// held reports whether the import's active run is held and the command names that
// run, or no run at all.
func (b *Book) held(ctx context.Context, e *entry, c schemas.Command) bool {
	a := e.state.Active
	if a != nil && a.State == schemas.StateHeld && (c.Run == "" || c.Run == a.Run) {
		return true
	}
	b.log.WarnContext(ctx, "the run is not held", slog.String("import", e.name), slog.String("run", c.Run))
	return false
}

// approve lets the held run go on.
func (b *Book) approve(ctx context.Context, e *entry, c schemas.Command, now time.Time) {
	if !b.held(ctx, e, c) {
		return
	}
	switch e.state.Active.HeldBecause.Code {
	case schemas.HoldEventsRepeat:
		b.approvePending(e, now)
	case schemas.HoldWarehouseTime:
		b.release(e, now)
	default:
		b.approveResult(ctx, e, now)
	}
}

// approvePending begins the epoch that was approved, and the run in it.
func (b *Book) approvePending(e *entry, now time.Time) {
	s := e.state
	// The epoch is of what the run reads. The definition may have been edited or taken
	// back while the run was held. The watermark and the ledger of the run do not apply to
	// it then, and the next run compares again.
	if source := runs.SourceHash(s.Active.Spec); s.Pending != nil || s.SourceHash != source {
		s.SourceHash = source
		b.newEpoch(e, now)
		// Nothing was loaded in the new epoch yet, so any source and target will do.
		s.Active.Place = &schemas.Place{}
	}
	endHold(e, now)
	b.triggerFull(e, now)
}

// decline ends the held run. A reset is taken back with it; a changed definition
// or resource is not, so the next run asks again.
func (b *Book) decline(ctx context.Context, e *entry, c schemas.Command, now time.Time) {
	if !b.held(ctx, e, c) {
		return
	}
	if p := e.state.Pending; p != nil && p.Reset {
		e.state.Pending = nil
	}
	b.end(e, schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}, now)
	b.closeIfSettled(ctx, e, now)
}

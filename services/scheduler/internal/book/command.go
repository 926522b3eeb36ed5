package book

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"tapline.dev/schemas"
)

// Command takes in what a person asks for. One that was seen before changes
// nothing; one that makes no sense now is dropped with a log line.
func (b *Book) Command(ctx context.Context, c schemas.Command, now time.Time) {
	log := b.log.With(slog.String("import", c.Import), slog.String("command", c.Kind))
	if mode := questionMode(c.Kind); mode != "" {
		b.preview(ctx, c, mode, now)
		return
	}
	if c.Kind == schemas.CommandCancel && schemas.IsTrial(c.Run) {
		b.cancelTrial(ctx, c, now)
		return
	}
	e, ok := b.imports[c.Import]
	if !ok || e.state == nil || (e.def == nil && c.Kind != schemas.CommandCancel) {
		log.WarnContext(ctx, "command for an unknown import")
		return
	}
	if c.ID != "" && slices.Contains(e.state.Keys, c.ID) {
		return
	}
	if why := e.idle(); why != "" && (asksForRun(c.Kind) || why == schemas.RefusedDraft && needsSpec(c.Kind)) {
		b.refuse(ctx, e, c, why, now)
		return
	}
	if c.Generation != 0 && e.def != nil && c.Generation != e.def.Generation {
		b.refuse(ctx, e, c, schemas.RefusedRedefined, now)
		return
	}
	if refused, known := b.obey(ctx, e, c, now); !known {
		log.WarnContext(ctx, "unknown kind of command")
		return
	} else if refused != "" {
		b.refuse(ctx, e, c, refused, now)
		return
	}
	if c.ID != "" {
		e.state.Keys = appendKey(e.state.Keys, c.ID)
	}
	b.stateChanged(e, now)
}

// obey does what a command says. It returns why it does not, or "", and false for a
// kind of command that this version does not know.
func (b *Book) obey(ctx context.Context, e *entry, c schemas.Command, now time.Time) (refused string, known bool) {
	switch c.Kind {
	case schemas.CommandRun, schemas.CommandBackfill, schemas.CommandResend, schemas.CommandReplay, schemas.CommandRepair, schemas.CommandReconcile:
		q := schemas.QueuedRun{Key: c.ID, Cause: schemas.CauseCommand, Actor: c.Actor, Traceparent: c.Traceparent, Time: now}
		switch c.Kind {
		case schemas.CommandBackfill:
			q.Mode, q.From, q.To = schemas.ModeBackfill, c.From, c.To
		case schemas.CommandResend:
			q.Mode, q.Runs = schemas.ModeResend, c.Runs
		case schemas.CommandReplay:
			if c.Replay == nil {
				return "", false
			}
			q.Mode, q.Replay = schemas.ModeReplay, c.Replay
		case schemas.CommandRepair:
			if c.Repair == nil {
				return "", false
			}
			q.Mode, q.Repair = schemas.ModeRepair, c.Repair
		case schemas.CommandReconcile:
			if c.Reconcile == nil {
				return "", false
			}
			q.Mode, q.Reconcile = schemas.ModeReconcile, c.Reconcile
		}
		if !b.request(ctx, e, q, now) {
			refused = schemas.RefusedOtherWindow
		}
	case schemas.CommandRunFrom:
		refused = b.runFrom(ctx, e, c, now)
	case schemas.CommandRunAt:
		refused = b.plan(e, c)
	case schemas.CommandCancelRunAt:
		refused = b.cancelPlan(e, c)
	case schemas.CommandStop:
		b.stop(ctx, e, now)
	case schemas.CommandDryRun:
		b.dryRun(ctx, e, c, now)
	case schemas.CommandSync:
		b.sync(ctx, e, c, now)
	case schemas.CommandCancel:
		b.cancel(ctx, e, c, now)
	case schemas.CommandPause:
		e.state.Paused, e.dueKnown = true, false
	case schemas.CommandResume:
		b.resume(e, now)
	case schemas.CommandReset:
		b.reset(e, c, now)
	case schemas.CommandApprove:
		b.approve(ctx, e, c, now)
	case schemas.CommandDecline:
		b.decline(ctx, e, c, now)
	case schemas.CommandDismiss:
		e.state.Dismissed += e.state.OpenRejects - e.state.OpenBeside
		e.state.OpenRejects, e.state.OpenBeside = 0, 0
		// Those of the active run are not counted yet, and not dismissed.
		e.state.DismissedThrough = e.state.LastNumber
		if a := e.state.Active; a != nil {
			e.state.DismissedThrough = a.Number - 1
		}
	default:
		return "", false
	}
	return refused, true
}

// questionMode is the mode of the trial that a question makes; "" of other commands.
func questionMode(kind string) string {
	switch kind {
	case schemas.CommandPreview:
		return schemas.ModePreview
	case schemas.CommandTestConnection:
		return schemas.ModeConnectionTest
	case schemas.CommandTestAccount:
		return schemas.ModeAccountTest
	case schemas.CommandCompareClocks:
		return schemas.ModeClocks
	case schemas.CommandListTables:
		return schemas.ModeTables
	}
	return ""
}

// appendKey appends a key, and keeps only the newest MaxKeys.
func appendKey(keys []string, key string) []string {
	keys = append(keys, key)
	return keys[max(0, len(keys)-schemas.MaxKeys):]
}

// asksForRun reports whether a command asks for a run.
func asksForRun(kind string) bool {
	switch kind {
	case schemas.CommandRun, schemas.CommandRunAt, schemas.CommandRunFrom, schemas.CommandBackfill, schemas.CommandResend, schemas.CommandReplay, schemas.CommandRepair, schemas.CommandReconcile, schemas.CommandSync:
		return true
	}
	return false
}

// needsSpec reports whether a command that asks for no run needs a complete definition.
// A dry run is no run of the import: Import Center asks for one of a draft only once
// the draft lacks nothing.
func needsSpec(kind string) bool {
	return kind == schemas.CommandReset || kind == schemas.CommandApprove
}

// resume lets schedules go on from now: instants that fell due during the pause are
// not run later. If they have no further instant, a person may run the import from
// now on.
func (b *Book) resume(e *entry, now time.Time) {
	if e.state.Paused {
		skipPaused(e, now)
		e.state.Paused, e.state.Stopped, e.dueKnown = false, false, false
		e.state.LastDue, e.state.DueFrom = &now, nil
	}
	e.state.ByHand = e.state.ByHand || schedulesOver(e)
}

func (b *Book) cancel(ctx context.Context, e *entry, c schemas.Command, now time.Time) {
	a, q := e.state.Active, e.state.Queued
	switch {
	case a != nil && (c.Run == a.Run || c.Run == ""):
		if a.Ending == nil {
			b.end(e, schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}, now)
		}
		b.closeIfSettled(ctx, e, now)
	case q != nil && c.Run == schemas.RunID(e.name, e.state.LastNumber+1):
		b.dropQueued(e, now)
	default:
		b.log.WarnContext(ctx, "cancel of a run that is neither active nor queued", slog.String("import", e.name), slog.String("run", c.Run))
	}
}

// request begins a run, or queues it behind the active one. A second request for
// the same window collapses into the queued run. The result is false if a run of
// another window is queued already.
//
// Invariant 7: at most one active run per import.
func (b *Book) request(ctx context.Context, e *entry, q schemas.QueuedRun, now time.Time) bool {
	s := e.state
	switch {
	case s.Active == nil && s.Queued == nil && len(e.def.Spec.After) == 0:
		b.start(ctx, e, q, now)
	case s.Queued == nil:
		s.Queued = &q
		b.stateChanged(e, now)
		b.out.Events = append(b.out.Events, queuedEvent(e))
	case s.Queued.Mode != q.Mode || s.Queued.From != q.From || s.Queued.To != q.To || !sameRuns(s.Queued.Runs, q.Runs) || !s.Queued.Replay.Equal(q.Replay) || q.Mode == schemas.ModeRepair:
		return false
	default:
		joinDue(e, q)
		s.Queued.JoinedAt = &q.Time
		b.stateChanged(e, now)
	}
	return true
}

func sameRuns(x, y *schemas.RunSpan) bool {
	return x == y || x != nil && y != nil && x.First == y.First && x.Last == y.Last
}

// startQueued begins the queued run, unless it has to wait for the import's active
// run or for one of the imports that it comes after.
func (b *Book) startQueued(ctx context.Context, e *entry, now time.Time) {
	q := e.state.Queued
	if q == nil || e.state.Active != nil || e.def == nil || e.def.Spec.Draft || e.state.Paused {
		return
	}
	if len(e.def.Spec.After) == 0 {
		e.state.Queued = nil
		b.start(ctx, e, *q, now)
		return
	}
	b.startAfter(ctx, e, *q, now)
}

package book

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// mode is the mode that a person's command asked for; otherwise full without a watermark
// or a cursor, and incremental with both.
func mode(e *entry, q *schemas.QueuedRun) string {
	switch {
	case q.Mode == schemas.ModeBackfill, q.Mode == schemas.ModeResend, q.Mode == schemas.ModeReplay, q.Mode == schemas.ModeRepair, q.Mode == schemas.ModeReconcile:
		return q.Mode
	case e.state.Watermark == "" || e.def == nil || e.def.Spec.Source.Cursor == nil:
		return schemas.ModeFull
	}
	return schemas.ModeIncremental
}

// start begins a run with the definition as it is now; the run keeps it to its
// last row.
func (b *Book) start(ctx context.Context, e *entry, q schemas.QueuedRun, now time.Time) {
	s := e.state
	// A new epoch that waited for approval may have been dropped since the definition
	// arrived (a reset was declined, or a source or target changed back). Compared again
	// here, the definition cannot continue from the watermark of another one.
	b.compareDefinition(ctx, e, runs.SourceHash(e.def.Spec), now)
	s.LastNumber++
	a := schemas.ActiveRun{
		Run: schemas.RunID(e.name, s.LastNumber), Number: s.LastNumber, Mode: mode(e, &q),
		Generation: e.def.Generation, Spec: e.def.Spec, WatermarkFrom: s.Watermark, Key: q.Key, Cause: q.Cause,
		Actor: q.Actor, Due: q.Due, DueFrom: q.DueFrom,
	}
	switch a.Mode {
	case schemas.ModeBackfill:
		a.WatermarkFrom, a.To = q.From, q.To
	case schemas.ModeResend:
		a.WatermarkFrom, a.Runs = "", q.Runs
	case schemas.ModeReplay:
		replay := *q.Replay
		replay.FirstRun = s.EpochFirst
		a.WatermarkFrom, a.Replay = "", &replay
	case schemas.ModeRepair:
		a.WatermarkFrom, a.Repair = "", q.Repair
	case schemas.ModeReconcile:
		a.Reconcile = q.Reconcile
	default:
		a.Initial = s.Initial
	}
	b.begin(ctx, e, a, q.Traceparent, now)
}

// begin makes a run the import's active one. It triggers the first attempt at
// once, unless the source and target have to be compared with those of the epoch
// first, or a person has to approve the run first.
func (b *Book) begin(ctx context.Context, e *entry, a schemas.ActiveRun, from string, now time.Time) {
	a.Attempt, a.State, a.Epoch, a.StartedAt, a.ReportsTopic = 1, schemas.StateExtracting, e.state.Epoch, now, b.reports
	a.Traceparent, a.TraceID = b.trace(ctx, e.name, a.Run, from)
	if usesLedger(a.Mode) {
		a.Place = &schemas.Place{}
	}
	e.state.Active = &a
	e.dueKnown = false // a due instant may have waited until no other run was queued
	e.fold = fold.New(a.Run, e.name, partitions(a.Spec), now)
	switch {
	case b.needsApproval(ctx, e, &a, now):
		b.holdPending(ctx, e, now)
	case warehouseTimeUsed(e, now):
		b.holdForWarehouseTime(ctx, e, now)
	default:
		b.compareOrTrigger(e, now)
	}
}

// compareOrTrigger triggers the active run, or has its source and target compared with
// those of the epoch first.
func (b *Book) compareOrTrigger(e *entry, now time.Time) {
	if a := e.state.Active; mustComparePlaces(e, a) {
		a.State = schemas.StateStarting
		b.writeWithoutTrigger(e, now)
		return
	}
	b.trigger(e, now)
}

// writeWithoutTrigger writes the active run's state, fold and event, but no trigger.
func (b *Book) writeWithoutTrigger(e *entry, now time.Time) {
	b.out.Folds[e.state.Active.Run] = e.fold
	b.stateChanged(e, now)
	b.addRunEvent(e, now)
}

// trigger writes the trigger of the active run's attempt, with the state that
// names it and the fold that counts it.
func (b *Book) trigger(e *entry, now time.Time) {
	a := e.state.Active
	a.Check = resultCheck(e.state, a)
	t := schemas.Trigger{
		Import: e.state.Import, Run: a.Run, Number: a.Number, Attempt: a.Attempt, Rows: a.Rows, Mode: a.Mode, Epoch: a.Epoch, Generation: a.Generation,
		Spec: a.Spec, Watermark: a.WatermarkFrom, To: a.To, Initial: a.Initial, Runs: a.Runs, Replay: a.Replay, Cause: a.Cause, Key: a.Key, Traceparent: a.Traceparent, Time: now,
		Check: a.Check, Approval: a.Approval,
	}
	if usesLedger(a.Mode) && a.Epoch == e.state.Epoch {
		t.Ledger = e.state.Ledger
	}
	if schemas.HasTrigger(a.Mode) {
		b.out.Triggers = append(b.out.Triggers, t)
	}
	b.out.Folds[a.Run] = e.fold
	b.stateChanged(e, now)
	b.addRunEvent(e, now)
}

// retry begins the next attempt of a run whose extraction was abandoned.
func (b *Book) retry(ctx context.Context, e *entry, now time.Time) {
	markLedgerOutdated(e)
	a := e.state.Active
	a.Attempt++
	a.RetryAt, a.State = nil, schemas.StateExtracting
	fold.NextAttempt(e.fold, now)
	b.log.InfoContext(ctx, "the next attempt begins", slog.String("run", a.Run), slog.Int("attempt", a.Attempt))
	b.trigger(e, now)
}

// end ends the active run early: its remaining rows and records are skipped, and the
// run closes once every row has an outcome.
func (b *Book) end(e *entry, ending schemas.Ending, now time.Time) {
	a := e.state.Active
	a.Ending = &ending
	// The remaining rows get the whole deadline to be skipped, however long the run has
	// waited before. If it closed earlier, rows would have no outcome.
	e.fold.ProgressAt = now
	b.out.Folds[a.Run] = e.fold
	if a.RetryAt != nil || a.State == schemas.StateStarting || a.State == schemas.StateHeld || !schemas.HasTrigger(a.Mode) {
		// No extractor works on the run, so none will report its end.
		a.RetryAt, a.HeldBecause = nil, nil
		b.endEarly(e)
	}
	b.stateChanged(e, now)
	b.addRunEvent(e, now)
}

func (b *Book) endEarly(e *entry) {
	a := e.state.Active
	fold.EndEarly(e.fold, a.Attempt)
	a.State = schemas.StateLoading
	b.out.Folds[a.Run] = e.fold
}

// closeIfSettled applies the stop rule and closes the run once it is settled.
func (b *Book) closeIfSettled(ctx context.Context, e *entry, now time.Time) {
	a := e.state.Active
	if a == nil {
		return
	}
	// The stop rule does not apply to a trial: every row of a sample may be rejected.
	if a.Ending == nil && !e.isTrial() {
		if excess, stop := fold.Stop(e.fold, a.Spec.Limits.MaxRejectRatio); stop {
			runErr := fold.BoundError(excess.Stage, excess.Code,
				fmt.Sprintf("%d rows were rejected with this code, more than the limit allows: correct the mapping or the data", excess.Rows))
			b.log.WarnContext(ctx, "too many rejects stop the run", slog.String("run", a.Run), slog.String("code", excess.Code))
			b.end(e, schemas.Ending{State: schemas.StateFailed, Skip: schemas.SkipStopped, Error: runErr}, now)
		}
	}
	if reason := fold.Surplus(e.fold); reason != "" {
		b.log.ErrorContext(ctx, "a run has more outcomes than rows", slog.String("run", a.Run))
		b.close(ctx, e, schemas.StateFailed, fold.BoundError("", fold.CodeCountMismatch, reason), now)
		return
	}
	// Invariant 2: only a run in which every row has an outcome moves a watermark.
	if fold.Settled(e.fold) {
		state, runErr := fold.Judge(e.fold, a)
		b.close(ctx, e, state, runErr, now)
	}
}

// close ends the active run and begins the queued one. The run's event and fold,
// the watermark, the ledger and the trigger of the queued run are one set of
// changes, which the caller writes in one transaction.
func (b *Book) close(ctx context.Context, e *entry, state string, runErr *schemas.RunError, now time.Time) {
	if e.isTrial() {
		b.closeTrial(ctx, e, state, runErr, now)
		return
	}
	a, before := e.state.Active, e.state.Ledger
	countRepeats(e, succeeded(state))
	noteOlderVersions(e, succeeded(state))
	r := fold.Event(e.fold, a)
	markLedgerOutdated(e) // advance replaces the ledger by the run's own if the run succeeded
	if succeeded(state) {
		state, runErr = b.advance(e, &r, state)
	}
	countEvents(e, succeeded(state))
	countReplay(e, succeeded(state))
	countBeside(e)
	keepBaseline(e, succeeded(state))
	r.State, r.Error, r.FinishedAt, r.Waiting = state, runErr, &now, nil
	e.state.LastEnded = listing.Ended(r)
	if succeeded(state) {
		e.state.LastSucceeded = e.state.LastEnded
		rememberSize(e)
		wantRetry(e, before)
	}
	queueRetry(e, now)
	e.fold.ClosedAs, e.fold.Waiting = &r, nil
	for i := range e.fold.Partitions {
		e.fold.Partitions[i].CountedRanges = nil // a closed run counts no further reports
	}
	b.closeFold(e, e.fold)
	b.out.Events = append(b.out.Events, r)
	b.out.Closed = append(b.out.Closed, Closed{Run: r, Traceparent: a.Traceparent})
	e.state.Active, e.fold, e.eventDue = nil, nil, false
	b.stateChanged(e, now)
	b.logClosed(ctx, &r)
	b.startQueued(ctx, e, now)
}

// markLedgerOutdated marks the import's ledger as outdated if the active run has extracted
// rows: until a run succeeds, CleverTap may hold other values than the ledger describes.
// The ledger of an event import is never outdated, because stored events stay stored.
func markLedgerOutdated(e *entry) {
	l := e.state.Ledger
	if l == nil || e.state.Active.Spec.Destination.Type == schemas.TypeEvent || fold.Counts(e.fold).Extracted == 0 {
		return
	}
	outdated := *l
	outdated.Outdated = true
	// Without the started report the mapping of the attempt is not known, so it
	// counts as another mapping.
	if started := e.fold.Started; started == nil || started.Mapping != l.Mapping {
		outdated.OutdatedMapping = true
	}
	e.state.Ledger = &outdated
}

// keepBaseline takes over the baseline of a reconciliation that succeeded: only then has
// every row that came since the one before an outcome.
func keepBaseline(e *entry, succeeds bool) {
	s, a := e.state, e.state.Active
	if !succeeds || a.Mode != schemas.ModeReconcile || a.Epoch != s.Epoch || e.fold.Started == nil || e.fold.Started.Reconciled == nil {
		return
	}
	taken := e.fold.Started.Reconciled.Baseline
	s.Baseline = &taken
}

func succeeded(state string) bool {
	return state == schemas.StateSucceeded || state == schemas.StateSucceededWithRejects
}

// advance takes over the watermark and the ledger of a run that succeeded, if the
// import's epoch and watermark are still those that the run began with.
func (b *Book) advance(e *entry, r *schemas.Run, state string) (string, *schemas.RunError) {
	a, s, final := e.state.Active, e.state, e.fold.Final
	if !usesLedger(a.Mode) {
		return state, nil
	}
	if a.Epoch != s.Epoch || a.WatermarkFrom != s.Watermark {
		r.Notes = append(r.Notes, "the import was reset or its source changed during the run: the watermark stays")
		return state, nil
	}
	next, err := schemas.NextWatermark(a.WatermarkFrom, final.Clock, final.Maximum, final.Lookback.Std())
	if err != nil {
		return schemas.StateFailed, &schemas.RunError{Stage: schemas.StageExtract, Code: "clock_invalid", Reason: "the extraction's clock or maximum is not an instant"}
	}
	s.Watermark, s.Ledger = next, ledgerOf(e.fold)
	storePlace(s, a.Place)
	countRejects(s, a.Mode, e.fold)
	if started := e.fold.Started; started != nil {
		s.Columns, s.Gone, s.TimeBasis = started.Columns, started.Gone, started.TimeBasis
	}
	r.WatermarkTo = next
	return state, nil
}

// ledgerOf is the run's ledger. The extractor wrote it before mapper and loader may
// have skipped rows of it as suppressed; those it left out itself are not in it.
func ledgerOf(f *schemas.Fold) *schemas.LedgerRef {
	if f.Final.Ledger == nil || f.Skipped[schemas.SkipSuppressed] == 0 {
		return f.Final.Ledger
	}
	ref := *f.Final.Ledger
	ref.Suppressed = true
	return &ref
}

// closeFold keeps the fold of the newest closed run, from which the listing shows
// how the run ended, and deletes the folds of earlier runs. It keeps no fold of a
// deleted import.
func (b *Book) closeFold(e *entry, f *schemas.Fold) {
	if e.def == nil && !e.unreadable {
		b.out.DeletedFolds[f.Run] = e.name
		delete(b.out.Folds, f.Run)
		b.deleteClosedFolds(e)
		return
	}
	e.last = f.ClosedAs
	b.out.Folds[f.Run] = f
	for _, run := range e.closed {
		b.out.DeletedFolds[run] = e.name
		delete(b.out.Folds, run)
	}
	e.closed = []string{f.Run}
}

func (b *Book) deleteClosedFolds(e *entry) {
	for _, run := range e.closed {
		b.out.DeletedFolds[run] = e.name
		delete(b.out.Folds, run)
	}
	e.closed, e.last = nil, nil
}

package book

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// trialDeadline is how long a trial may be without progress before it is ended.
const trialDeadline = 10 * time.Minute

// A person waits for a dry run. So it does not wait without end for an account that
// refuses its credentials, and is not tried as often as a run.
const (
	dryRunPatience = 30 * time.Second
	dryRunAttempts = 2
)

// waitedTooLong ends a dry run whose account or connection does not let it go on.
func (b *Book) waitedTooLong(ctx context.Context, e *entry, w *schemas.Waiting, now time.Time) {
	b.log.InfoContext(ctx, "a dry run has waited too long and is ended", slog.String("run", e.state.Active.Run))
	stage := w.Stage
	if stage == "" {
		stage = schemas.StageLoad
	}
	b.end(e, schemas.Ending{
		State: schemas.StateFailed, Skip: schemas.SkipStopped,
		Error: fold.BoundError(stage, fold.CodeAccountUnavailable, w.Account+" does not let the dry run go on: "+w.Reason),
	}, now)
}

func (e *entry) isTrial() bool { return schemas.IsTrial(e.name) }

// preview begins a preview or a connection test. The import of a preview need not
// be applied. The command chooses the name of the trial.
func (b *Book) preview(ctx context.Context, c schemas.Command, mode string, now time.Time) {
	if _, taken := b.imports[c.Run]; taken || b.broken[c.Run] || schemas.ImportOf(c.Run) != c.Import || c.Spec == nil {
		b.log.WarnContext(ctx, "an invalid preview command is dropped", slog.String("import", c.Import))
		return
	}
	_, n, err := schemas.ParseRunID(c.Run)
	if err != nil || !schemas.IsTrial(c.Run) {
		b.log.WarnContext(ctx, "an invalid preview command is dropped", slog.String("import", c.Import))
		return
	}
	b.startTrial(ctx, schemas.ActiveRun{
		Run: c.Run, Number: n, Mode: mode, Spec: *c.Spec, Connection: c.Connection, Tables: c.Tables, People: c.People,
		Rows: min(c.Rows, schemas.MaxPreviewRows), Key: c.ID,
	}, &schemas.State{}, c.Traceparent, now)
}

// dryRun begins a dry run. An import has one at a time.
func (b *Book) dryRun(ctx context.Context, e *entry, c schemas.Command, now time.Time) {
	if last, ok := b.imports[schemas.DryRunID(e.name, e.state.LastDryRun)]; ok && last.state.Active != nil {
		b.log.WarnContext(ctx, "a dry run of the import is active: this one is refused", slog.String("import", e.name))
		return
	}
	e.state.LastDryRun++
	b.startTrial(ctx, schemas.ActiveRun{
		Run: schemas.DryRunID(e.name, e.state.LastDryRun), Number: e.state.LastDryRun, Mode: schemas.ModeDryRun, Epoch: e.state.Epoch,
		Generation: e.def.Generation, Spec: e.def.Spec, Rows: min(max(c.Rows, 1), schemas.MaxDryRunRows), Verify: c.Verify, Key: c.ID,
	}, e.state, c.Traceparent, now)
}

func (b *Book) cancelTrial(ctx context.Context, c schemas.Command, now time.Time) {
	if e, ok := b.imports[c.Run]; ok && e.state != nil && e.state.Active != nil && e.state.Active.Ending == nil {
		b.end(e, schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}, now)
		b.closeIfSettled(ctx, e, now)
	}
}

// startTrial gives a trial a state and a fold of its own, and triggers it. Its state has
// which columns the import's last run has read, so that the trial treats one that is gone as
// the next run would.
func (b *Book) startTrial(ctx context.Context, a schemas.ActiveRun, of *schemas.State, from string, now time.Time) {
	importName := schemas.ImportOf(a.Run)
	a.Attempt, a.State, a.Cause, a.StartedAt = 1, schemas.StateExtracting, schemas.CauseCommand, now
	a.Traceparent, a.TraceID = b.trace(ctx, importName, a.Run, from)
	e := b.entry(a.Run)
	e.state = &schemas.State{Import: importName, Epoch: a.Epoch, LastNumber: a.Number, Active: &a, Columns: of.Columns, Gone: of.Gone}
	e.fold = fold.New(a.Run, importName, schemas.ControlPartitions, now)
	b.trigger(e, now)
}

// closeTrial ends a trial. A dry run that succeeded leaves its sample for as long
// as it can be sent; anything else leaves nothing. The import's own state does
// not change.
func (b *Book) closeTrial(ctx context.Context, e *entry, state string, runErr *schemas.RunError, now time.Time) {
	a := e.state.Active
	r := fold.Event(e.fold, a)
	r.State, r.Error, r.FinishedAt, r.Waiting = state, runErr, &now, nil
	b.out.Closed = append(b.out.Closed, Closed{Run: r, Traceparent: a.Traceparent})
	b.out.DeletedFolds[a.Run] = schemas.ImportOf(a.Run)
	delete(b.out.Folds, a.Run)
	b.log.InfoContext(ctx, "trial closed", slog.String("run", a.Run), slog.String("state", state), slog.String("trace_id", a.TraceID))
	if a.Mode == schemas.ModeDryRun {
		b.out.Events = append(b.out.Events, r)
	}
	started := e.fold.Started
	if a.Mode != schemas.ModeDryRun || started == nil || (state != schemas.StateSucceeded && state != schemas.StateSucceededWithRejects) {
		b.deleteTrial(e)
		return
	}
	e.state.Active, e.fold, e.eventDue = nil, nil, false
	e.state.Sample = &schemas.Sample{
		Run: a.Run, Attempt: a.Attempt, Generation: a.Generation, Spec: a.Spec,
		QueryID: started.QueryID, Clock: started.Clock, Columns: started.Columns, Gone: started.Gone, TakenAt: a.StartedAt, Verify: a.Verify,
	}
	b.stateChanged(e, now)
}

func (b *Book) deleteTrial(e *entry) {
	b.out.States[e.name] = nil
	delete(b.imports, e.name)
	b.order = nil
}

// sync begins the run that sends exactly the records that a dry run has shown. It
// refuses if a run is active or queued, if a run has closed since the sample was
// taken, or if the definition has changed since.
func (b *Book) sync(ctx context.Context, e *entry, c schemas.Command, now time.Time) {
	var sample *schemas.Sample
	if trial, ok := b.imports[c.Run]; ok && schemas.ImportOf(c.Run) == e.name && trial.state != nil {
		sample = trial.state.Sample
	}
	s := e.state
	if sample == nil || sample.Verify != nil || s.Active != nil || s.Queued != nil || sample.Generation != e.def.Generation ||
		(e.last != nil && e.last.FinishedAt != nil && e.last.FinishedAt.After(sample.TakenAt)) {
		b.log.WarnContext(ctx, "the sample of a dry run cannot be sent any more", slog.String("import", e.name))
		return
	}
	s.LastNumber++
	b.begin(ctx, e, schemas.ActiveRun{
		Run: schemas.RunID(e.name, s.LastNumber), Number: s.LastNumber, Mode: schemas.ModeSync,
		Generation: sample.Generation, Spec: sample.Spec, Sample: sample, Key: c.ID, Cause: schemas.CauseCommand,
	}, c.Traceparent, now)
}

// usesLedger reports whether runs of a mode use the watermark and the ledger, and
// replace them when they succeed.
func usesLedger(mode string) bool {
	return mode == schemas.ModeFull || mode == schemas.ModeIncremental
}

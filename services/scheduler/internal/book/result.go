package book

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// resultCheck is what the extractor compares the result of a run with, nil if it
// compares nothing: a sample was looked at by a person already.
func resultCheck(s *schemas.State, a *schemas.ActiveRun) *schemas.ResultCheck {
	if schemas.IsTrial(a.Run) || a.Mode == schemas.ModeSync {
		return nil
	}
	check := &schemas.ResultCheck{Runs: len(s.Sizes[a.Mode])}
	if check.Runs > 0 {
		check.Largest = slices.Max(s.Sizes[a.Mode])
	}
	return check
}

// rememberSize notes how many rows the run that succeeded has read.
func rememberSize(e *entry) {
	s, a := e.state, e.state.Active
	if resultCheck(s, a) == nil || e.fold.Final == nil {
		return
	}
	if s.Sizes == nil {
		s.Sizes = map[string][]int64{}
	}
	sizes := append(s.Sizes[a.Mode], e.fold.Final.Read)
	s.Sizes[a.Mode] = sizes[max(0, len(sizes)-schemas.MaxSizes):]
}

// resultHeld takes in that the extractor has stopped before the first row, because the
// result is beyond a limit. A report of an earlier attempt, or from before the newest
// approval, is ignored.
func (b *Book) resultHeld(ctx context.Context, e *entry, r *schemas.Report, now time.Time) {
	a := e.state.Active
	if r.Attempt != a.Attempt || r.Held.Approvals != a.Approval.NumberOf() || a.State != schemas.StateExtracting || a.RetryAt != nil || len(r.Held.Figures) == 0 {
		return
	}
	if a.Ending != nil {
		// No extractor works on the attempt any more, so none will report its end.
		b.endEarly(e)
		b.stateChanged(e, now)
		return
	}
	figures, more := fold.BoundFigures(r.Held.Figures)
	reason := figures[0].Reason
	for _, f := range figures[1:] {
		reason = fold.Cut(reason + "; " + f.Reason)
	}
	e.fold.Waiting, e.fold.WaitingAt = nil, nil
	b.hold(ctx, e, schemas.Hold{Code: figures[0].Code, Reason: reason, Records: r.Held.Rows, Figures: figures, More: r.Held.More + more}, now)
}

// approveResult lets the attempt that was held go on with its result. There is no new
// trigger, because it is the same attempt.
func (b *Book) approveResult(ctx context.Context, e *entry, now time.Time) {
	a := e.state.Active
	h := a.HeldBecause
	a.Approval = &schemas.Approved{
		Number: a.Approval.NumberOf() + 1, Attempt: a.Attempt, Rows: h.Records, Figures: h.Figures, More: h.More, Time: now,
	}
	endHold(e, now)
	b.log.InfoContext(ctx, "the result of the run is approved", slog.String("run", a.Run), slog.Int64("rows", h.Records))
	b.writeWithoutTrigger(e, now)
}

// attemptsSinceApproval is how many attempts the run has had since a person let it go on:
// the result that was approved may no longer exist by then, which is no failure of the import.
func attemptsSinceApproval(a *schemas.ActiveRun) int {
	if a.Approval == nil {
		return a.Attempt
	}
	return a.Attempt - a.Approval.Attempt + 1
}

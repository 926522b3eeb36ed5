package extractor

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"tapline.dev/domain/oddity"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/shares"
	"tapline.dev/services/extractor/internal/statement"
)

// errHeld ends the work on an attempt until a person has approved its result.
var errHeld = errors.New("the result waits for an approval")

// holdIfBeyondLimits reports what of the result is beyond its limit and has not been approved,
// and returns errHeld if that is something. It comes before the first row; an attempt
// that has sent rows was let through already, by whoever sent them. A result that a
// person has approved is not looked at again.
func (x *extraction) holdIfBeyondLimits(ctx context.Context, res result, r *plan.Reader) error {
	run := x.attempt.Run
	if mayGoOn(x.journal, run) {
		return nil
	}
	figures := oddity.Size(res.Total(), run.Mode, run.Spec.Limits.Hold, *run.Check)
	changed := oddity.Columns(res.Columns(), append([]int{r.Identity}, r.Mapped...), x.attempt.Columns)
	changed = append(changed, newlyGone(x.attempt, r)...)
	switch run.Spec.OnColumnChange {
	case schemas.OnColumnChangeContinue:
	case schemas.OnColumnChangeFail:
		if len(changed) > 0 {
			return failure.Permanent(failure.CodeColumnTypeChanged, "%s; correct the query, or set onColumnChange: continue", changed[0].Reason)
		}
	default:
		figures = append(figures, changed...)
	}
	beyond, err := x.shares(ctx, res, r)
	if err != nil {
		return err
	}
	return hold(ctx, x.journal, run, res.Total(), append(figures, beyond...), x.log)
}

// mayGoOn reports whether an attempt need not be compared with the limits: it has sent
// rows, or a person has approved its result.
func mayGoOn(j *journal.Journal, run schemas.ActiveRun) bool {
	return run.Check == nil || j.Counts().Chunks > 0 || run.Approval != nil && run.Approval.Attempt == run.Attempt
}

// hold reports the figures that no approval covers, and returns errHeld if there are any.
func hold(ctx context.Context, j *journal.Journal, run schemas.ActiveRun, rows int64, figures []schemas.HoldFigure, log *slog.Logger) error {
	held := schemas.Held{Rows: rows, Approvals: run.Approval.NumberOf()}
	for _, f := range figures {
		switch {
		case run.Approval.Covers(held.Rows, f):
		case len(held.Figures) == schemas.MaxHoldFigures:
			held.More++
		default:
			held.Figures = append(held.Figures, f)
		}
	}
	if len(held.Figures) == 0 {
		return nil
	}
	if err := j.Hold(ctx, held); err != nil {
		return err
	}
	log.WarnContext(ctx, "the result waits for an approval", slog.String("code", held.Figures[0].Code), slog.Int64("rows", held.Rows))
	return errHeld
}

// mayBeGone are the columns without which a run may go on if the query no longer has
// them: those that the run before read, or went on without. A column that no run
// has read is a mistake in the definition and fails the run, as does every column that
// is missing where the definition does not say otherwise. A dry run sends nothing: it
// shows what a run would do that is approved.
func mayBeGone(a attempt.Attempt) []string {
	switch word := a.Run.Spec.OnColumnChange; {
	case word == schemas.OnColumnChangeContinue:
	case word == schemas.OnColumnChangeHold && (a.Run.Check != nil || a.Trial()): // else nothing can hold
	default:
		return nil
	}
	names := slices.Clone(a.Gone)
	for _, c := range a.Columns {
		names = append(names, c.Name)
	}
	return names
}

// newlyGone are the columns that the definition needs and without which no run has gone on
// before.
func newlyGone(a attempt.Attempt, r *plan.Reader) []schemas.HoldFigure {
	var out []schemas.HoldFigure
	for _, name := range r.Gone {
		if slices.Contains(a.Gone, name) {
			continue
		}
		reason := "column " + name + " is gone: the lines of the mapping that read it would be left out"
		if slices.Contains(r.Unlimited, name) {
			reason = "column " + name + " is gone: limits.hold.nullShare would no longer look at it"
		}
		out = append(out, schemas.HoldFigure{Code: schemas.HoldColumnGone, Column: name, Reason: reason})
	}
	return out
}

// shareLimits are the limits of shares of columns that the result has.
func shareLimits(limits *schemas.HoldLimits, gone []string) *schemas.HoldLimits {
	if limits == nil || len(gone) == 0 {
		return limits
	}
	rest := *limits
	rest.NullShare = maps.Clone(limits.NullShare)
	maps.DeleteFunc(rest.NullShare, func(column string, _ float64) bool {
		return slices.ContainsFunc(gone, func(name string) bool { return strings.EqualFold(name, column) })
	})
	return &rest
}

// shares reads the result through, if the definition asks for figures that take that.
// Its chunks are fetched again afterwards, because all of them would not fit into memory.
func (x *extraction) shares(ctx context.Context, res result, r *plan.Reader) ([]schemas.HoldFigure, error) {
	visible := r.Columns[:r.Visible]
	counts, err := shares.New(shareLimits(x.attempt.Run.Spec.Limits.Hold, r.Gone), r.Identity, func(name string) (int, bool) { return statement.Resolve(visible, name) })
	if err != nil {
		return nil, failure.Permanent(failure.CodeColumnMissing, "%s", err)
	}
	if counts == nil {
		return nil, nil
	}
	decoder, err := rowjson.NewLooseDecoder(r.Columns, r.Visible, r.Held)
	if err != nil {
		return nil, failure.Permanent(failure.CodeColumnType, "%s", err)
	}
	for i := range res.Chunks() {
		began := time.Now()
		data, err := res.Chunk(ctx, i)
		if err != nil {
			return nil, err
		}
		x.metrics.downloaded(ctx, x.connection(), len(data), time.Since(began))
		_, err = decoder.Rows(data, func(row *rowjson.Row) (bool, error) {
			counts.Add(row)
			return false, nil
		})
		if err != nil {
			return nil, failure.Permanent(failure.CodeResultUnreadable, "chunk %d: %s", i, err)
		}
	}
	return counts.Figures(), nil
}

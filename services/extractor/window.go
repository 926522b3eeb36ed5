package extractor

import (
	"context"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/statement"
)

// window reads what lies at or after the watermark, or in the span that a person
// named.
type window struct {
	extraction
	past    *pastRuns // nil in a backfill, which neither uses the ledger nor leaves one
	earlier *earlier
}

func (w *window) read(ctx context.Context) error { return w.extract(ctx, w) }

func (w *window) describe(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error) {
	return p.Read(columns, now, w.attempt.Run.Spec.Source.LateCheck && w.past != nil)
}

func (w *window) understand(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error) {
	return w.describe(p, columns, now)
}

func (w *window) statement(ctx context.Context, src source, p *plan.Plan, r *plan.Reader, started *schemas.Started) (statement.Statement, error) {
	run := w.attempt.Run
	var again []statement.Span
	if w.past != nil {
		if err := plan.SameTimeBasis(w.attempt.Import, run.WatermarkFrom, w.attempt.TimeBasis, r.Cursor); err != nil {
			return statement.Statement{}, err
		}
		if c := r.Cursor; c != nil && c.Bucketed {
			if initial := run.Initial + run.Spec.Source.Cursor.Initial; initial != "" {
				// Hours before where the import begins are not read, however they have grown.
				return statement.Statement{}, failure.Permanent(failure.CodeCursorInvalid, "lateCheck reads hours behind the watermark again, and cursor.initial or a first run --from forbids that: leave one of them out")
			}
			now, err := countBuckets(ctx, src, p, r)
			if err != nil {
				return statement.Statement{}, err
			}
			again, started.Late, started.Counts = w.past.lookForLate(ctx, c, now)
		}
	}
	from, to, err := p.Bounds(r, run)
	if err != nil {
		return statement.Statement{}, err
	}
	return p.Window(r, from, to, again)
}

func (w *window) recall(ctx context.Context, r *plan.Reader, e *schemas.Extraction) (chunk.Ledgers, error) {
	if w.past == nil {
		return w.earlier.recall(ctx, r, e)
	}
	rows, err := w.earlier.rows(ctx, r, e)
	if err != nil {
		return chunk.Ledgers{}, err
	}
	return w.past.loadLedgers(ctx, r, e, rows), nil
}

func (w *window) end(ctx context.Context, m chunk.Ledgers) error {
	if m.Recorder == nil {
		return w.journal.Final(ctx, nil, false)
	}
	return w.journal.Final(ctx, w.past.ref(), false)
}

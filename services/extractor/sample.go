package extractor

import (
	"context"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/statement"
)

// sample reads rows at random, for a dry run. It knows no ledger.
type sample struct{ extraction }

func (s *sample) read(ctx context.Context) error { return s.extract(ctx, s) }

func (s *sample) describe(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error) {
	return p.Read(columns, now, false)
}

func (s *sample) understand(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error) {
	return p.ReadSample(columns, now)
}

func (s *sample) statement(_ context.Context, _ source, p *plan.Plan, r *plan.Reader, _ *schemas.Started) (statement.Statement, error) {
	return p.Sample(r, s.attempt.Run.Rows), nil
}

func (s *sample) recall(context.Context, *plan.Reader, *schemas.Extraction) (chunk.Ledgers, error) {
	return chunk.Ledgers{}, nil
}

func (s *sample) end(ctx context.Context, _ chunk.Ledgers) error {
	return s.journal.Final(ctx, nil, false)
}

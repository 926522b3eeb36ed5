package extractor

import (
	"context"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/statement"
)

// sample reads rows at random, for a dry run, or the rows of some people, for a
// verification. It knows no ledger.
type sample struct {
	extraction
	reader *kafka.Reader
	topics schemas.Topics
}

func (s *sample) read(ctx context.Context) error { return s.extract(ctx, s) }

func (s *sample) describe(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error) {
	return p.Read(columns, now, false)
}

func (s *sample) understand(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error) {
	return p.ReadSample(columns, now)
}

func (s *sample) statement(ctx context.Context, _ source, p *plan.Plan, r *plan.Reader, _ *schemas.Started) (statement.Statement, error) {
	v := s.attempt.Run.Verify
	if v == nil || v.People == "" {
		return p.Sample(r, s.attempt.Run.Rows, nil), nil
	}
	people, err := readPeople(ctx, s.reader, s.topics, s.attempt, v.People, v.Asked)
	return p.Sample(r, s.attempt.Run.Rows, people), err
}

func (s *sample) recall(context.Context, *plan.Reader, *schemas.Extraction) (chunk.Ledgers, error) {
	return chunk.Ledgers{}, nil
}

func (s *sample) end(ctx context.Context, _ chunk.Ledgers) error {
	return s.journal.Final(ctx, nil, false)
}

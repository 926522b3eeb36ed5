package extractor

import (
	"context"
	"maps"
	"slices"

	"tapline.dev/libs/failpoint"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/plan"
)

// repair reads the people whom a verification has found to differ from Snowflake again, as
// a replay does, and sends them. How many people its committed chunks hold says where the
// next process goes on.
type repair struct{ replay }

func (y *repair) read(ctx context.Context) error {
	run := y.attempt.Run
	if run.Repair == nil || !y.attempt.Profiles() {
		return failure.Permanent(failure.CodeSampleGone, "the run does not say whom it would send")
	}
	people, err := readPeople(ctx, y.reader, y.topics, y.attempt, run.Repair.People, int(run.Repair.Selected))
	if err != nil {
		return err
	}
	conn, err := y.sessions.connection(ctx)
	if err != nil {
		return err
	}
	p, err := plan.New(run.Spec, y.resources.mappingOptions(run.Spec.Destination.AccountRef))
	if err != nil {
		return err
	}
	return y.sessions.with(ctx, conn, func(src source) error {
		defer func() { y.journal.Spend(src.TakeUse()) }() // also of what failed
		r, err := y.understand(ctx, src, p, len(people))
		if err != nil {
			return err
		}
		for from := y.journal.Counts().Chunks * perStatement; from < len(people); from += perStatement {
			if err := y.send(ctx, src, p, r, people[from:min(from+perStatement, len(people))]); err != nil {
				return err
			}
		}
		return y.finish(ctx)
	})
}

// send reads some people in one statement, and sends what it finds in one transaction.
//
// Invariant 4: Snowflake has the newest version of a person, so that none follows a newer one.
func (y *repair) send(ctx context.Context, src source, p *plan.Plan, r *plan.Reader, people []string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	before := y.journal.Counts()
	e := before
	e.ByPartition, e.Skipped = slices.Clone(e.ByPartition), maps.Clone(e.Skipped)
	e, records, err := y.readPeople(ctx, src, p, r, people, before, e)
	if err != nil {
		return err
	}
	e.Chunks = before.Chunks + 1
	failpoint.Hit("extractor.before-repaired")
	if err := y.journal.Chunk(ctx, records, e); err != nil {
		return err
	}
	y.metrics.chunk(ctx, y.attempt.Import, before, e)
	return nil
}

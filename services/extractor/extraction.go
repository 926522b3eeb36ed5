package extractor

import (
	"context"
	"encoding/hex"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/statement"
)

// extraction runs one statement and streams its result into the rows topic. It is
// what a window and a sample have in common.
type extraction struct {
	cfg       Config
	attempt   attempt.Attempt
	journal   *journal.Journal
	sessions  sessions
	resources *resources
	chunks    chunk.Config
	budget    *budget // of the process
	metrics   metrics
	log       *slog.Logger
}

// selection is what distinguishes extractions: which rows are read, and what is
// remembered of them.
type selection interface {
	// describe makes a reader of the columns that the query was said to have.
	describe(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error)
	// statement is what is run. It adds to the report of the start what it found out
	// on the way.
	statement(ctx context.Context, src source, p *plan.Plan, described *plan.Reader, started *schemas.Started) (statement.Statement, error)
	// understand makes a reader of the columns that the result has.
	understand(p *plan.Plan, columns []schemas.Column, now time.Time) (*plan.Reader, error)
	// recall readies the ledger, and notes in e what is wrong with it.
	recall(ctx context.Context, r *plan.Reader, e *schemas.Extraction) (chunk.Ledgers, error)
	// end reports the end, once every row has been read.
	end(ctx context.Context, m chunk.Ledgers) error
}

// extract is one session: it begins, or takes up the result of an earlier one, and
// goes on after the last committed chunk.
func (x *extraction) extract(ctx context.Context, sel selection) error {
	conn, err := x.sessions.connection(ctx)
	if err != nil {
		return err
	}
	spec := x.attempt.Run.Spec
	p, err := plan.New(spec, x.resources.mappingOptions(spec.Destination.AccountRef))
	if err != nil {
		return err
	}
	return x.sessions.with(ctx, conn, func(src source) error {
		defer func() {
			x.journal.Spend(src.TakeUse()) // also of what failed
			// Once the report of the start is written, the next owner can take the
			// result up: the end of this session must not abort the statement.
			if x.journal.Started() != nil {
				src.KeepStatement()
			}
		}()
		res, r, err := x.result(ctx, src, p, sel)
		if err != nil {
			return err
		}
		trace.SpanFromContext(ctx).SetAttributes(attribute.String("snowflake.query_id", res.QueryID()), attribute.Int64("snowflake.rows", res.Total()))
		if err := x.holdIfBeyondLimits(ctx, res, r); err != nil {
			return err
		}
		counts := x.journal.Counts()
		memory, err := sel.recall(ctx, r, &counts)
		if err != nil {
			return err
		}
		prep, err := chunk.NewPreparer(x.chunks, r, memory, counts, x.journal.Started().Clock)
		if err != nil {
			return err
		}
		defer prep.Close()
		if err := x.stream(ctx, res, prep, memory.Recorder); err != nil {
			return err
		}
		return sel.end(ctx, memory)
	})
}

func (x *extraction) result(ctx context.Context, src source, p *plan.Plan, sel selection) (result, *plan.Reader, error) {
	if x.journal.Started() == nil {
		return x.begin(ctx, src, p, sel)
	}
	return x.resume(ctx, src, p, sel)
}

// begin runs the attempt's statement and reports it before its first row.
func (x *extraction) begin(ctx context.Context, src source, p *plan.Plan, sel selection) (result, *plan.Reader, error) {
	// The clock is read before the statement takes its snapshot: a row that is committed
	// in between is read by this run.
	now, err := src.Clock(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.Without(mayBeGone(x.attempt))
	columns, err := describe(ctx, src, p, x.chunks.MaxRow)
	if err != nil {
		return nil, nil, err
	}
	described, err := sel.describe(p, columns, now)
	if err != nil {
		return nil, nil, err
	}
	started := schemas.Started{
		Clock: schemas.FormatInstant(now), From: x.attempt.Run.WatermarkFrom, Columns: []schemas.Column{},
		Mapping: hex.EncodeToString(described.Hash[:]),
	}
	if c := described.Cursor; c != nil {
		started.Clock, started.Lookback, started.TimeBasis = c.Instant(now), schemas.Duration(c.Lookback), c.TimeBasis()
	}
	stmt, err := sel.statement(ctx, src, p, described, &started)
	if err != nil {
		return nil, nil, err
	}
	res, err := x.query(ctx, src, stmt, started)
	if err != nil {
		return nil, nil, err
	}
	// If the result's columns differ from the described ones, the result's count.
	r, err := sel.understand(p, res.Columns(), now)
	if err != nil {
		return nil, nil, err
	}
	started.QueryID, started.Mapping = res.QueryID(), hex.EncodeToString(r.Hash[:])
	return res, r, x.begun(ctx, res, r, started, schemas.FormatInstant(now), src.TakeUse())
}

// begun reports the size and the columns of a complete result.
func (x *extraction) begun(ctx context.Context, res result, r *plan.Reader, started schemas.Started, clock string, use schemas.SnowflakeUse) error {
	x.journal.Spend(use)
	started.Chunks, started.Total, started.Columns, started.Gone = res.Chunks(), res.Total(), res.Columns()[:r.Visible], r.Gone
	if err := plan.Fits(started.Columns, x.chunks.MaxRow); err != nil {
		return err
	}
	if !x.attempt.Profiles() {
		started.Mapped = r.Mapped
	}
	schema := plan.RowSchema(x.attempt.Import, x.attempt.Run, r.Held, started.Columns, clock)
	schema.Gone = r.Gone
	if err := x.journal.Start(ctx, started, &schema); err != nil {
		return err
	}
	x.log.InfoContext(ctx, "the result is complete", slog.String("query_id", started.QueryID), slog.Int("chunks", started.Chunks), slog.Int64("rows", started.Total))
	return nil
}

// describe asks for the query's columns, and for the type of a cursor that is not one
// of them.
func describe(ctx context.Context, src source, p *plan.Plan, maxRecord int) ([]schemas.Column, error) {
	columns, err := src.Describe(ctx, p.Describe())
	if err != nil {
		return nil, err
	}
	if err := plan.Unambiguous(columns); err != nil {
		return nil, err
	}
	columns = p.Selected(columns)
	if err := plan.Fits(columns, maxRecord); err != nil {
		return nil, err
	}
	_, cursorSQL, err := p.Bind(columns)
	if err != nil || cursorSQL == "" {
		return columns, err
	}
	cursor, err := src.Describe(ctx, cursorSQL)
	if err != nil {
		return nil, err
	}
	return append(columns, cursor...), nil
}

// resume takes up the result of an earlier session. Only the same result goes on:
// rows are counted by their position in it.
func (x *extraction) resume(ctx context.Context, src source, p *plan.Plan, sel selection) (result, *plan.Reader, error) {
	started := *x.journal.Started()
	p.Without(mayBeGone(x.attempt))
	src.KeepStatement()
	res, err := src.Attach(ctx, started.QueryID)
	if ctx.Err() != nil {
		return nil, nil, x.stopped(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	complete := x.journal.Complete()
	if complete && (res.Chunks() != started.Chunks || res.Total() != started.Total) {
		return nil, nil, failure.Transient(failure.CodeResultChanged, "the statement's result had %d chunks and %d rows and now has %d and %d",
			started.Chunks, started.Total, res.Chunks(), res.Total())
	}
	now, err := schemas.ParseInstant(started.Clock)
	if err != nil {
		return nil, nil, failure.Permanent(failure.CodeResultChanged, "the attempt's first report has no clock")
	}
	r, err := sel.understand(p, res.Columns(), now)
	if err != nil || complete {
		return res, r, err
	}
	src.Measure(ctx, started.QueryID) // the session that ran it could not say
	return res, r, x.begun(ctx, res, r, started, r.UTC(started.Clock), src.TakeUse())
}

// stopped is why the reading ended. A statement that an earlier session left
// running is cancelled, because no session of this task runs it and would cancel it.
func (x *extraction) stopped(ctx context.Context) error {
	started := x.journal.Started()
	if started == nil || x.journal.Complete() {
		return context.Cause(ctx)
	}
	return x.sessions.cancelElsewhere(ctx, started.QueryID, 0)
}

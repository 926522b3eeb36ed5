package extractor

import (
	"context"
	"strings"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/replays"
	"tapline.dev/services/extractor/internal/rowjson"
)

// perStatement is how many people one statement reads.
const perStatement = 1000

// readProfiles reads the people of the rejects again.
//
// Invariant 4: the row that was rejected is older than what the runs since then have sent,
// so that it is never sent; Snowflake has the newest.
func (y *replay) readProfiles(ctx context.Context, found replays.Found) error {
	if y.journal.Started() == nil && len(found.Chosen) == 0 && y.attempt.Run.Attempt == 1 {
		return nothingToReplay(found)
	}
	conn, err := y.sessions.connection(ctx)
	if err != nil {
		return err
	}
	spec := y.attempt.Run.Spec
	p, err := plan.New(spec, y.resources.mappingOptions(spec.Destination.AccountRef))
	if err != nil {
		return err
	}
	return y.sessions.with(ctx, conn, func(src source) error {
		defer func() { y.journal.Spend(src.TakeUse()) }() // also of what failed
		r, err := y.understand(ctx, src, p, len(found.Chosen))
		if err != nil {
			return err
		}
		var gone []schemas.HoldFigure
		if spec.OnColumnChange == schemas.OnColumnChangeHold {
			gone = newlyGone(y.attempt, r)
		}
		if err := y.holdIfBeyondLimits(ctx, len(found.Chosen), gone); err != nil {
			return err
		}
		seen := map[string]bool{}
		full := func(b *batch) bool {
			if len(b.chosen) == 1 {
				clear(seen)
			}
			seen[key(spec, &b.rejects[len(b.rejects)-1])] = true
			return len(seen) >= perStatement || len(b.chosen) >= schemas.MaxTaken
		}
		err = y.eachBatch(ctx, found, found.Chosen, full, func(b *batch) error { return y.readAgain(ctx, src, p, r, found, b) })
		if err != nil {
			return err
		}
		return y.finish(ctx)
	})
}

// key is the identity of a rejected row, as it is compared.
func key(spec schemas.ImportSpec, r *schemas.Reject) string {
	return strings.Trim(replays.Identity(spec, r), " ")
}

// understand describes the query and reports the start.
func (y *replay) understand(ctx context.Context, src source, p *plan.Plan, total int) (*plan.Reader, error) {
	now, err := src.Clock(ctx)
	if err != nil {
		return nil, err
	}
	p.Without(mayBeGone(y.attempt))
	columns, err := describe(ctx, src, p, y.chunks.MaxRow)
	if err != nil {
		return nil, err
	}
	if s := y.journal.Started(); s != nil {
		// The clock of the attempt's first report stays in force, also for what is a future
		// row: each process that goes on with the attempt decides alike.
		if now, err = schemas.ParseInstant(s.Clock); err != nil {
			return nil, failure.Permanent(failure.CodeResultChanged, "the attempt's first report has no clock")
		}
	}
	r, err := p.Read(columns, now, false)
	if err != nil || y.journal.Started() != nil {
		return r, err
	}
	started := y.started(schemas.FormatInstant(now), total, columns[:r.Visible], r.Hash)
	if c := r.Cursor; c != nil {
		started.Clock, started.Lookback, started.TimeBasis = c.Instant(now), schemas.Duration(c.Lookback), c.TimeBasis()
	}
	schema := plan.RowSchema(y.attempt.Import, y.attempt.Run, r.Held, started.Columns, r.UTC(started.Clock))
	schema.Gone, started.Gone = r.Gone, r.Gone
	return r, y.journal.Start(ctx, started, &schema)
}

// readAgain reads the people of a batch in one statement, and sends what it finds in one
// transaction.
func (y *replay) readAgain(ctx context.Context, src source, p *plan.Plan, r *plan.Reader, found replays.Found, b *batch) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	refs := map[string]schemas.RejectRef{} // the newest of each person
	var keys []string
	for i := range b.rejects {
		k := key(y.attempt.Run.Spec, &b.rejects[i])
		if _, twice := refs[k]; !twice {
			keys = append(keys, k)
		}
		refs[k] = b.ref(i)
	}
	before := y.journal.Counts()
	y.chunks.ReplayOf = func(key []byte) *schemas.RejectRef {
		ref, ok := refs[strings.Trim(string(key), " ")]
		if !ok {
			return nil
		}
		return &ref
	}
	e, records, err := y.readPeople(ctx, src, p, r, keys, before, y.counts(found, b))
	if err != nil {
		return err
	}
	return y.commit(ctx, records, e, found, b)
}

// readPeople reads people in one statement and turns what it finds into records. It adds to
// e what was read since before; who is not found is counted as gone.
func (y *replay) readPeople(ctx context.Context, src source, p *plan.Plan, r *plan.Reader, people []string, before, e schemas.Extraction) (schemas.Extraction, []*kafka.Record, error) {
	missing := map[string]bool{}
	for _, person := range people {
		missing[strings.Trim(person, " ")] = true
	}
	var records []*kafka.Record
	if stmt, ok := p.Identities(r, people); ok {
		res, err := src.Query(ctx, stmt, nil)
		if err != nil {
			return e, nil, err
		}
		prep, err := chunk.NewPreparer(y.chunks, r, chunk.Ledgers{}, e, y.journal.Started().Clock)
		if err != nil {
			return e, nil, err
		}
		defer prep.Close()
		if e, records, err = y.prepare(ctx, res, prep, r, before.Chunks, e, missing); err != nil {
			return e, nil, err
		}
		if read := e.Read - before.Read; read != res.Total() {
			return e, nil, failure.Transient(failure.CodeResultShort, "%d rows were read of a result of %d", read, res.Total())
		}
	}
	e.Read += int64(len(missing))
	skip(&e, schemas.SkipGone, int64(len(missing)))
	return e, records, nil
}

// prepare turns a statement's result into records, and takes the people that it finds out
// of missing.
func (y *replay) prepare(ctx context.Context, res result, prep *chunk.Preparer, r *plan.Reader, index int, e schemas.Extraction, missing map[string]bool) (schemas.Extraction, []*kafka.Record, error) {
	decoder, err := rowjson.NewLooseDecoder(r.Columns, r.Visible, r.Held)
	if err != nil {
		return e, nil, failure.Permanent(failure.CodeColumnType, "%s", err)
	}
	var records []*kafka.Record
	for i := range res.Chunks() {
		data, err := res.Chunk(ctx, i)
		if err != nil {
			return e, nil, err
		}
		c, err := prep.Prepare(ctx, index, data)
		if err != nil {
			return e, nil, err
		}
		c.Span.End()
		records, e = append(records, c.Records()...), c.Counts
		_, err = decoder.Rows(data, func(row *rowjson.Row) (bool, error) {
			delete(missing, strings.Trim(string(mapping.IdentityKey(nil, row.Value(r.Identity))), " "))
			return false, nil
		})
		if err != nil {
			return e, nil, failure.Permanent(failure.CodeResultUnreadable, "chunk %d: %s", i, err)
		}
	}
	return e, records, nil
}

package extractor

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"tapline.dev/domain/mapping"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/delivered"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/plan"
)

// resend reads rows that earlier runs have loaded from the rows topic, in place of a
// result of Snowflake's, and writes them there again for its own run: the mapper maps
// them with the present mapping. It sends all of them or, if Kafka no longer has them
// all, none.
type resend struct {
	resources  *resources
	suppressed *suppression.Checker
	reader     *kafka.Reader
	journal    *journal.Journal
	attempt    attempt.Attempt
	topics     schemas.Topics
	metrics    metrics
	spans      *telemetry.Parts
	limit      int // of rows
}

func (y *resend) stopped(ctx context.Context) error { return context.Cause(ctx) }

// chosen are the offsets of the rows to send, by partition, in their order.
type chosen [][]int64

func (c chosen) count() (n int) {
	for _, offsets := range c {
		n += len(offsets)
	}
	return n
}

func (y *resend) read(ctx context.Context) error {
	span := y.attempt.Run.Runs
	if span == nil || span.First < 1 || span.Last < span.First || span.Last >= y.attempt.Run.Number {
		return failure.Permanent(failure.CodeRowsGone, "the run names no earlier runs whose rows it would send")
	}
	loaded, err := y.loaded(ctx, span)
	if err != nil {
		return err
	}
	rows, err := y.choose(ctx, span, loaded)
	if err != nil {
		return err
	}
	if y.journal.Started() == nil {
		if err := y.start(ctx, loaded.Started, rows.count()); err != nil {
			return err
		}
	}
	if total := y.journal.Started().Total; int64(rows.count()) != total {
		return failure.Permanent(failure.CodeRowsGone, "%d of the %d rows to send are still in Kafka; tapline backfill reads a span from Snowflake", rows.count(), total)
	}
	if err := y.sendAll(ctx, rows, loaded); err != nil {
		return err
	}
	return y.journal.Final(ctx, nil, false)
}

// loaded reads what the runs have loaded, and what earlier attempts of this one have.
func (y *resend) loaded(ctx context.Context, span *schemas.RunSpan) (delivered.Loaded, error) {
	run := y.attempt.Run
	q := delivered.Question{Import: y.attempt.Import, Topics: y.topics, Limit: y.limit, Slack: journal.ClockSlack}
	for n := span.First; n < run.Number; n++ {
		q.Runs = append(q.Runs, schemas.InterruptedRun{Number: n, Attempts: math.MaxInt, StartedAt: span.Since})
	}
	if run.Attempt > 1 {
		q.Runs = append(q.Runs, schemas.InterruptedRun{Number: run.Number, Attempts: run.Attempt - 1, StartedAt: span.Since})
	}
	loaded, err := delivered.ReadLoaded(ctx, y.reader, q, func(n int) bool { return n <= span.Last || n == run.Number })
	switch {
	case err != nil:
		return loaded, err
	case int64(len(loaded.Rows)) != loaded.Records || loaded.Records < span.Loaded:
		return loaded, failure.Permanent(failure.CodeRowsGone, "nothing was sent: Kafka has %d of the %d records that these runs have loaded (topic.recordsRetention, or more than the extractor's ledgerLimit); "+
			"tapline backfill reads a span from Snowflake", len(loaded.Rows), max(loaded.Records, span.Loaded))
	}
	return loaded, nil
}

// choose finds the rows to send: of events those that were loaded; of profiles, for each
// identity that was loaded, its newest row.
//
// Invariant 4: a later run may have sent a newer version, so that is the one to send.
func (y *resend) choose(ctx context.Context, span *schemas.RunSpan, loaded delivered.Loaded) (chosen, error) {
	rows := make(chosen, y.attempt.Partitions())
	found := 0
	for p := range rows {
		newest := map[string]int64{}
		wanted := map[string]bool{}
		err := y.eachRow(ctx, int32(p), 0, func(id schemas.RowID, rec *kafka.Record) error {
			_, was := loaded.Rows[id]
			if was && kafka.HeaderValue(rec, schemas.HeaderAsSent) != nil {
				return failure.Permanent(failure.CodeRowsGone, "nothing was sent: run %d replayed records as they were sent, and Kafka has no rows of them to map; name runs without it", id.Number)
			}
			if was {
				found++
			}
			if !y.attempt.Profiles() {
				if was {
					rows[p] = append(rows[p], rec.Offset)
				}
				return nil
			}
			key := string(bytes.TrimSpace(rec.Key))
			if len(newest) >= y.limit {
				return failure.Permanent(failure.CodeRowsGone, "more identities were sent since %s than ledgerLimit allows to compare; tapline backfill reads a span from Snowflake", span.Since.Format("2006-01-02"))
			}
			newest[key] = rec.Offset
			wanted[key] = wanted[key] || was
			return nil
		})
		if err != nil {
			return nil, err
		}
		for key, offset := range newest {
			if wanted[key] {
				rows[p] = append(rows[p], offset)
			}
		}
		slices.Sort(rows[p])
	}
	want := 0
	for id := range loaded.Rows {
		if id.Number != y.attempt.Run.Number {
			want++
		}
	}
	if found != want {
		return nil, failure.Permanent(failure.CodeRowsGone, "nothing was sent: Kafka has %d of the %d rows that these runs have loaded (topic.rowsRetention); tapline backfill reads a span from Snowflake", found, want)
	}
	return rows, nil
}

var errLastRow = errors.New("the last row has been read")

// eachRow calls fn for the rows of a partition that earlier runs wrote, from an offset
// on; 0 begins where the earliest run did.
func (y *resend) eachRow(ctx context.Context, partition int32, from int64, fn func(schemas.RowID, *kafka.Record) error) error {
	tp := kafka.TP{Topic: y.topics.Rows(y.attempt.Import), Partition: partition}
	if from == 0 {
		var err error
		if from, err = y.reader.OffsetAt(ctx, tp, y.attempt.Run.Runs.Since.Add(-journal.ClockSlack)); err != nil {
			return fmt.Errorf("reading rows: %w", err)
		}
	}
	_, err := y.reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		id, ok := schemas.ParseRowID(kafka.HeaderValue(rec, schemas.HeaderID))
		if !ok || id.Number >= y.attempt.Run.Number {
			return nil
		}
		return fn(id, rec)
	})
	if err != nil && !errors.Is(err, errLastRow) {
		return fmt.Errorf("reading rows: %w", err)
	}
	return nil
}

// start reports the start with the columns and the clock that the rows were read with.
func (y *resend) start(ctx context.Context, started []schemas.Started, total int) error {
	spec := y.attempt.Run.Spec
	if len(started) == 0 {
		return failure.Permanent(failure.CodeRowsGone, "nothing was sent: the reports no longer say which columns the rows have")
	}
	first := started[0]
	stamped := spec.Destination.Event != nil && spec.Destination.Event.CreatedOn == nil
	for _, s := range started {
		for _, name := range s.Gone {
			if !slices.Contains(first.Gone, name) {
				first.Gone = append(slices.Clone(first.Gone), name)
			}
		}
		if !slices.Equal(s.Columns, first.Columns) {
			return failure.Permanent(failure.CodeRowsGone, "nothing was sent: not all runs since then have read the same columns; tapline backfill reads a span from Snowflake")
		}
		if stamped && (s.Clock != first.Clock || s.TimeBasis == schemas.TimeBasisWall) {
			return failure.Permanent(failure.CodeRowsGone, "nothing was sent: these events have the time of their run, and the runs since then had other times; tapline backfill reads a span from Snowflake")
		}
		first.Clock = max(first.Clock, s.Clock)
	}
	m, problems := mapping.CompileWithout(spec, first.Columns, first.Gone, y.resources.mappingOptions(spec.Destination.AccountRef))
	if len(problems) > 0 {
		return failure.Permanent(problems[0].Code, "%s", problems[0].Error())
	}
	schema := plan.RowSchema(y.attempt.Import, y.attempt.Run, nil, first.Columns, first.Clock)
	schema.Gone = m.LeftOut()
	hash := m.Hash()
	return y.journal.Start(ctx, schemas.Started{
		Clock: first.Clock, Chunks: (total + syncChunk - 1) / syncChunk, Total: int64(total), Columns: first.Columns, Mapping: hex.EncodeToString(hash[:]), Gone: m.LeftOut(),
	}, &schema)
}

// sendAll sends the chosen rows that this attempt has not sent yet, in chunks.
func (y *resend) sendAll(ctx context.Context, rows chosen, loaded delivered.Loaded) error {
	skip := y.journal.Counts().Chunks * syncChunk
	sent := make(map[int64]bool) // positions that earlier attempts have loaded, of events
	for id := range loaded.Rows {
		if id.Number == y.attempt.Run.Number && !y.attempt.Profiles() {
			sent[id.Seq] = true
		}
	}
	var batch []*kafka.Record
	for p, offsets := range rows {
		if skip >= len(offsets) {
			skip -= len(offsets)
			continue
		}
		offsets, skip = offsets[skip:], 0
		err := y.eachRow(ctx, int32(p), offsets[0], func(_ schemas.RowID, rec *kafka.Record) error {
			if len(offsets) == 0 {
				return errLastRow
			}
			if rec.Offset > offsets[0] {
				return errLastRow // the row is gone
			}
			if rec.Offset < offsets[0] {
				return nil
			}
			offsets = offsets[1:]
			if batch = append(batch, rec); len(batch) == syncChunk {
				err := y.send(ctx, batch, sent)
				batch = nil
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(offsets) > 0 {
			return failure.Permanent(failure.CodeRowsGone, "%d rows of partition %d were deleted while the resend sent the rows before them (topic.rowsRetention); "+
				"the run's counts say what was loaded; tapline backfill reads a span from Snowflake", len(offsets), p)
		}
	}
	if len(batch) > 0 {
		return y.send(ctx, batch, sent)
	}
	return nil
}

// send sends rows in one transaction with their count.
func (y *resend) send(ctx context.Context, rows []*kafka.Record, sent map[int64]bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, span := chunk.StartSpan(ctx, y.spans, y.attempt, y.topics.Rows(y.attempt.Import), y.journal.Counts().Chunks)
	defer span.End()
	if err := y.suppressed.Comparable(); err != nil {
		return failure.Permanent(failure.CodeNotComparable, "%s", err)
	}
	before := y.journal.Counts()
	e := before
	e.ByPartition, e.Skipped = slices.Clone(e.ByPartition), maps.Clone(e.Skipped)
	e.LookedBack = true
	records := make([]*kafka.Record, 0, len(rows)+1)
	for _, row := range rows {
		e.Read++
		switch {
		case y.suppressed.Has(row.Key):
			skip(&e, schemas.SkipSuppressed, 1)
			continue
		case sent[e.Read]:
			e.Unchanged++
			continue
		}
		e.Extracted++
		partition := chunk.Partition(row.Key, len(e.ByPartition))
		e.ByPartition[partition]++
		headers := []kafka.Header{
			{Key: schemas.HeaderID, Value: y.attempt.RowID(e.Read).Append(nil)},
			{Key: schemas.HeaderTraceparent, Value: span.Header(telemetry.Chosen(e.Read) || e.ByPartition[partition] == 1)},
		}
		if clock := kafka.HeaderValue(row, schemas.HeaderClock); clock != nil { // a replay's: the time of its event
			headers = append(headers, kafka.Header{Key: schemas.HeaderClock, Value: clock})
		}
		records = append(records, &kafka.Record{
			Topic: y.topics.Rows(y.attempt.Import), Partition: partition, Key: row.Key, Value: row.Value, Headers: headers,
		})
	}
	e.Chunks++
	if err := y.journal.Chunk(ctx, records, e); err != nil {
		return err
	}
	y.metrics.chunk(ctx, y.attempt.Import, before, e)
	return nil
}

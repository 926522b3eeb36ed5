package extractor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"tapline.dev/domain/mapping"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/plan"
)

// syncChunk is how many rows of a sample one transaction takes.
const syncChunk = 1000

// sampleSync reads the sample of a dry run in place of a result of Snowflake's: its
// rows go through the import's own topics, each with the digest of the record
// that was shown, and the mapper maps them again and compares. Rows of which no
// record was shown are left out.
type sampleSync struct {
	resources  *resources
	suppressed *suppression.Checker
	reader     *kafka.Reader
	journal    *journal.Journal
	attempt    attempt.Attempt
	topics     schemas.Topics
	metrics    metrics
	spans      *telemetry.Parts
}

func (y *sampleSync) stopped(ctx context.Context) error { return context.Cause(ctx) }

func (y *sampleSync) read(ctx context.Context) error {
	s := y.attempt.Run.Sample
	if s == nil {
		return failure.Permanent(failure.CodeSampleGone, "the run names no dry run whose sample it would send")
	}
	m, problems := mapping.CompileWithout(s.Spec, s.Columns, s.Gone, y.resources.mappingOptions(s.Spec.Destination.AccountRef))
	if len(problems) > 0 {
		return failure.Permanent(problems[0].Code, "%s", problems[0].Error())
	}
	rows, err := y.sample(ctx, s, m)
	if err != nil {
		return err
	}
	if y.journal.Started() == nil {
		if err := y.start(ctx, s, m, len(rows)); err != nil {
			return err
		}
	}
	if total := y.journal.Started().Total; int64(len(rows)) != total {
		return failure.Permanent(failure.CodeSampleGone, "%d of the %d records that were shown are still there", len(rows), total)
	}
	for from := y.journal.Counts().Chunks * syncChunk; from < len(rows); from += syncChunk {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := y.send(ctx, rows[from:min(from+syncChunk, len(rows))]); err != nil {
			return err
		}
	}
	return y.journal.Final(ctx, nil, false)
}

func (y *sampleSync) start(ctx context.Context, s *schemas.Sample, m *mapping.Mapping, total int) error {
	at, err := schemas.ParseInstant(s.Clock)
	if err != nil {
		return failure.Permanent(failure.CodeSampleGone, "the sample has no clock")
	}
	clock := schemas.FormatInstant(at)
	schema := plan.RowSchema(y.attempt.Import, y.attempt.Run, nil, s.Columns, clock)
	schema.Gone = m.LeftOut()
	hash := m.Hash()
	return y.journal.Start(ctx, schemas.Started{
		QueryID: s.QueryID, Clock: clock, Chunks: (total + syncChunk - 1) / syncChunk, Total: int64(total), Columns: s.Columns,
		Mapping: hex.EncodeToString(hash[:]), Gone: m.LeftOut(),
	}, &schema)
}

// sampled is a row of the sample and the digest of its record.
type sampled struct {
	row      []byte
	identity []byte
	digest   string
}

// sample reads the rows that became records, in their order, and leaves out those of
// which the query gives a newer version.
//
// Invariant 4: an earlier run may have sent the newer version.
func (y *sampleSync) sample(ctx context.Context, s *schemas.Sample, m *mapping.Mapping) ([]sampled, error) {
	digests := map[schemas.RowID]string{}
	err := y.readSample(ctx, y.topics.DryRunRecords(), s, func(id schemas.RowID, rec *kafka.Record) error {
		sum := sha256.Sum256(rec.Value)
		digests[id] = hex.EncodeToString(sum[:])
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []sampled
	err = y.readSample(ctx, y.topics.DryRunRows(), s, func(id schemas.RowID, rec *kafka.Record) error {
		digest, shown := digests[id]
		if !shown {
			return nil
		}
		if kafka.HeaderValue(rec, schemas.HeaderOlder) != nil {
			delete(digests, id)
			return nil
		}
		identity, ok := m.Identity(rec.Value)
		if !ok {
			return failure.Permanent(failure.CodeSampleGone, "a row of the sample has no identity any more")
		}
		out = append(out, sampled{row: rec.Value, identity: identity, digest: digest})
		return nil
	})
	if err == nil && len(out) != len(digests) {
		err = failure.Permanent(failure.CodeSampleGone, "%d of the %d records that were shown have their row", len(out), len(digests))
	}
	return out, err
}

// readSample calls fn for what a dry run's last attempt left in a topic.
func (y *sampleSync) readSample(ctx context.Context, topic string, s *schemas.Sample, fn func(schemas.RowID, *kafka.Record) error) error {
	tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(s.Run)}
	from, err := y.reader.OffsetAt(ctx, tp, s.TakenAt.Add(-journal.ClockSlack))
	if err != nil {
		return fmt.Errorf("reading the sample: %w", err)
	}
	_, err = y.reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		id, ok := schemas.ParseRowID(kafka.HeaderValue(rec, schemas.HeaderID))
		if !ok || string(rec.Key) != s.Run || id.Attempt != s.Attempt {
			return nil
		}
		return fn(id, rec)
	})
	return err
}

// send sends rows of the sample in one transaction with their count.
func (y *sampleSync) send(ctx context.Context, rows []sampled) error {
	ctx, span := chunk.StartSpan(ctx, y.spans, y.attempt, y.topics.Rows(y.attempt.Import), y.journal.Counts().Chunks)
	defer span.End()
	before := y.journal.Counts()
	e := before
	e.ByPartition = slices.Clone(e.ByPartition)
	records := make([]*kafka.Record, 0, len(rows)+1)
	e.Skipped = maps.Clone(e.Skipped)
	if err := y.suppressed.Comparable(); err != nil {
		return failure.Permanent(failure.CodeNotComparable, "%s", err)
	}
	for _, s := range rows {
		e.Read++
		if y.suppressed.Has(s.identity) {
			if e.Skipped == nil {
				e.Skipped = map[string]int64{}
			}
			e.Skipped[schemas.SkipSuppressed]++
			continue
		}
		e.Extracted++
		partition := chunk.Partition(s.identity, len(e.ByPartition))
		e.ByPartition[partition]++
		records = append(records, &kafka.Record{
			Topic: y.topics.Rows(y.attempt.Import), Partition: partition, Key: s.identity, Value: s.row,
			Headers: []kafka.Header{
				{Key: schemas.HeaderID, Value: y.attempt.RowID(e.Read).Append(nil)},
				{Key: schemas.HeaderTraceparent, Value: span.Header(telemetry.Chosen(e.Read) || e.ByPartition[partition] == 1)},
				{Key: schemas.HeaderShown, Value: []byte(s.digest)},
			},
		})
	}
	e.Chunks++
	if err := y.journal.Chunk(ctx, records, e); err != nil {
		return err
	}
	y.metrics.chunk(ctx, y.attempt.Import, before, e)
	return nil
}

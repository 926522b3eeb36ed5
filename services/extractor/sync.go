package extractor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

const (
	// syncChunk is how many rows of a sample one transaction takes.
	syncChunk = 1000
	// codeSampleGone ends a run that should send a sample that Kafka no longer
	// has.
	codeSampleGone = "sample_gone"
)

// sync reads the sample of a dry run in place of a result of Snowflake's: its
// rows go through the import's own topics, each with the digest of the record
// that was shown, and the mapper maps them again and compares. Rows of which no
// record was shown stay behind.
func (t *term) sync() error {
	s := t.active.Sample
	if s == nil {
		return fail(codeSampleGone, "the run names no dry run whose sample it would send")
	}
	m, problems := mapping.Compile(s.Spec, s.Columns, t.resources.mappingOptions(s.Spec.Destination.AccountRef))
	if len(problems) > 0 {
		return fail(problems[0].Code, "%s", problems[0].Error())
	}
	rows, err := t.sample(t.reading, s, m)
	if err != nil {
		return err
	}
	if t.history.started == nil {
		if err := t.startSync(s, m, len(rows)); err != nil {
			return err
		}
	}
	if total := t.history.started.Total; int64(len(rows)) != total {
		return fail(codeSampleGone, "%d of the %d records that were shown are still there", len(rows), total)
	}
	for from := t.history.extraction.Chunks * syncChunk; from < len(rows); from += syncChunk {
		if t.reading.Err() != nil {
			return context.Cause(t.reading)
		}
		if err := t.syncChunk(rows[from:min(from+syncChunk, len(rows))]); err != nil {
			return err
		}
	}
	return t.final(t.reading, nil, false)
}

func (t *term) startSync(s *schemas.Sample, m *mapping.Mapping, total int) error {
	at, err := schemas.ParseInstant(s.Clock)
	if err != nil {
		return fail(codeSampleGone, "the sample has no clock")
	}
	clock := schemas.FormatInstant(at)
	schema := rowSchema(t.importName, t.active, s.Columns, clock)
	hash := m.Hash()
	return t.started(t.reading, schemas.Started{
		QueryID: s.QueryID, Clock: clock, Chunks: (total + syncChunk - 1) / syncChunk, Total: int64(total), Columns: s.Columns,
		Mapping: hex.EncodeToString(hash[:]),
	}, &schema)
}

// sampled is a row of the sample and the digest of its record.
type sampled struct {
	row      []byte
	identity []byte
	digest   string
}

// sample reads the rows that became records, in their order.
func (t *term) sample(ctx context.Context, s *schemas.Sample, m *mapping.Mapping) ([]sampled, error) {
	digests := map[schemas.RowID]string{}
	err := t.readSample(ctx, t.topics.DryRunRecords(), s, func(id schemas.RowID, rec *kafka.Record) error {
		sum := sha256.Sum256(rec.Value)
		digests[id] = hex.EncodeToString(sum[:])
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []sampled
	err = t.readSample(ctx, t.topics.DryRunRows(), s, func(id schemas.RowID, rec *kafka.Record) error {
		digest, shown := digests[id]
		if !shown {
			return nil
		}
		identity, ok := m.Identity(rec.Value)
		if !ok {
			return fail(codeSampleGone, "a row of the sample has no identity any more")
		}
		out = append(out, sampled{row: rec.Value, identity: identity, digest: digest})
		return nil
	})
	if err == nil && len(out) != len(digests) {
		err = fail(codeSampleGone, "%d of the %d records that were shown have their row", len(out), len(digests))
	}
	return out, err
}

// readSample calls fn for what a dry run's last attempt left in a topic.
func (t *term) readSample(ctx context.Context, topic string, s *schemas.Sample, fn func(schemas.RowID, *kafka.Record) error) error {
	tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(s.Run)}
	from, err := t.reader.OffsetAt(ctx, tp, s.TakenAt.Add(-historySlack))
	if err != nil {
		return fmt.Errorf("reading the sample: %w", err)
	}
	_, err = t.reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		id, ok := schemas.ParseRowID(kafka.HeaderValue(rec, schemas.HeaderID))
		if !ok || string(rec.Key) != s.Run || id.Attempt != s.Attempt {
			return nil
		}
		return fn(id, rec)
	})
	return err
}

// syncChunk sends rows of the sample in one transaction with their count.
func (t *term) syncChunk(rows []sampled) error {
	ctx, span := t.tracer.Start(t.reading, "extract chunk")
	defer span.End()
	e := copyOf(t.counts())
	traceparent := []byte(telemetry.Traceparent(ctx))
	records := make([]*kafka.Record, 0, len(rows)+1)
	for _, s := range rows {
		e.Read++
		e.Extracted++
		partition := partitionOf(s.identity, len(e.ByPartition))
		e.ByPartition[partition]++
		id := schemas.RowID{Number: t.active.Number, Attempt: t.active.Attempt, Seq: e.Read}
		records = append(records, &kafka.Record{
			Topic: t.topics.Rows(t.importName), Partition: partition, Key: s.identity, Value: s.row,
			Headers: []kafka.Header{
				{Key: schemas.HeaderID, Value: id.Append(nil)},
				{Key: schemas.HeaderTraceparent, Value: traceparent},
				{Key: schemas.HeaderShown, Value: []byte(s.digest)},
			},
		})
	}
	e.Chunks++
	rec, err := t.report(ctx, schemas.Report{Kind: schemas.ReportChunk, Chunk: &e})
	if err != nil {
		return err
	}
	if err := t.transact(ctx, append(records, rec)...); err != nil {
		return err
	}
	t.metrics.chunk(ctx, t.importName, t.history.extraction, e)
	t.history.extraction = e
	return nil
}

package extractor

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/replays"
	"tapline.dev/services/extractor/internal/statement"
)

// readEvents sends rows that Kafka has; Snowflake is asked nothing.
func (y *replay) readEvents(ctx context.Context, found replays.Found) error {
	r, err := y.rowsToMap(ctx, &found)
	if err != nil {
		return err
	}
	if y.journal.Started() == nil {
		if len(found.Chosen) == 0 && y.attempt.Run.Attempt == 1 {
			return nothingToReplay(found)
		}
		if err := y.startEvents(ctx, r, len(found.Chosen)); err != nil {
			return err
		}
	}
	if total := y.journal.Started().Total; total != y.journal.Counts().Read+int64(len(found.Chosen)) {
		return failure.Transient(failure.CodeResultChanged, "%d rejects are left to be sent, and the attempt's reports leave %d", len(found.Chosen), total-y.journal.Counts().Read)
	}
	if err := y.holdIfBeyondLimits(ctx, len(found.Chosen), nil); err != nil {
		return err
	}
	full := func(b *batch) bool { return len(b.chosen) >= syncChunk }
	direct := slices.DeleteFunc(slices.Clone(found.Chosen), func(c replays.Chosen) bool { return c.Source == replays.FromRows })
	err = y.eachBatch(ctx, found, direct, full, func(b *batch) error { return y.sendEvents(ctx, found, r, b) })
	if err != nil {
		return err
	}
	if err := y.sendFromRows(ctx, found, r); err != nil {
		return err
	}
	return y.finish(ctx)
}

// mapped is what the rows of a replay are mapped with.
type mapped struct {
	mapping *mapping.Mapping // nil if no row is mapped
	columns []schemas.Column
	clock   string
}

// rowsToMap finds the columns that the rows were read with. It leaves out the rejects
// whose rows are gone, or lack a column that the definition needs or have it in another
// type.
func (y *replay) rowsToMap(ctx context.Context, found *replays.Found) (mapped, error) {
	if y.attempt.Run.Replay.How != schemas.ReplayMapped {
		return y.anyColumns(found), nil
	}
	if err := y.findRows(ctx, found); err != nil {
		return mapped{}, err
	}
	if len(found.Chosen) == 0 {
		return mapped{}, nil
	}
	used := make([]bool, len(found.Attempts))
	for _, c := range found.Chosen {
		used[c.Attempt] = true
	}
	spec := y.attempt.Run.Spec
	var m mapped
	var refused error
	fits := make([]bool, len(found.Attempts))
	for _, i := range newestFirst(found.Attempts) {
		a := found.Attempts[i]
		if !used[i] || a.Started == nil {
			continue
		}
		if m.mapping == nil {
			compiled, problems := mapping.CompileWithout(spec, a.Started.Columns, a.Started.Gone, y.resources.mappingOptions(spec.Destination.AccountRef))
			if len(problems) > 0 {
				refused = firstError(refused, failure.Permanent(problems[0].Code, "the rows of run %d: %s", a.Number, problems[0].Error()))
				continue
			}
			m = mapped{mapping: compiled, columns: a.Started.Columns}
		}
		fits[i] = sameColumns(m, a.Started.Columns)
		m.clock = max(m.clock, instantOf(a))
	}
	if m.mapping == nil && refused != nil {
		return m, refused
	}
	found.Chosen = slices.DeleteFunc(found.Chosen, func(c replays.Chosen) bool {
		if !fits[c.Attempt] {
			found.Refused[schemas.RefusedColumnsGone]++
		}
		return !fits[c.Attempt]
	})
	return m, nil
}

func firstError(first, then error) error {
	if first != nil {
		return first
	}
	return then
}

// anyColumns serves a replay that maps nothing: the row schema describes rows, and there
// are none.
func (y *replay) anyColumns(found *replays.Found) mapped {
	m := mapped{clock: schemas.FormatInstant(y.attempt.Run.StartedAt)}
	for _, i := range newestFirst(found.Attempts) {
		if a := found.Attempts[i]; a.Started != nil && m.columns == nil {
			m.columns = a.Started.Columns
		}
	}
	if m.columns == nil {
		m.columns = y.attempt.Columns
	}
	return m
}

// sameColumns reports whether the columns that the mapping uses are of the same types.
func sameColumns(m mapped, columns []schemas.Column) bool {
	for _, name := range append(slices.Clone(m.mapping.Columns()), m.mapping.IdentityColumn()) {
		i, ok := statement.Resolve(m.columns, name)
		j, found := statement.Resolve(columns, name)
		if !ok || !found || m.columns[i].Type != columns[j].Type || m.columns[i].Scale != columns[j].Scale {
			return false
		}
	}
	return true
}

// instantOf is the attempt's clock in UTC. Where the cursor's clock is a wall clock, the
// instant of the report stands in for it: it is later by less than the statement took.
func instantOf(a replays.Attempt) string {
	if at, err := schemas.ParseInstant(a.Started.Clock); err == nil && a.Started.TimeBasis != schemas.TimeBasisWall {
		return schemas.FormatInstant(at)
	}
	return schemas.FormatInstant(a.Reported)
}

func (y *replay) startEvents(ctx context.Context, m mapped, total int) error {
	hash := [16]byte{}
	var gone []string
	if m.mapping != nil {
		hash, gone = m.mapping.Hash(), m.mapping.LeftOut()
	}
	if m.columns == nil {
		return failure.Permanent(failure.CodeNothingToReplay, "the reports no longer say which columns the rejected rows have")
	}
	schema := plan.RowSchema(y.attempt.Import, y.attempt.Run, nil, m.columns, m.clock)
	started := y.started(m.clock, total, m.columns, hash)
	schema.Gone, started.Gone = gone, gone
	return y.journal.Start(ctx, started, &schema)
}

// sendEvents sends the rows of a batch in one transaction.
func (y *replay) sendEvents(ctx context.Context, found replays.Found, m mapped, b *batch) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, span := chunk.StartSpan(ctx, y.spans, y.attempt, y.topics.Rows(y.attempt.Import), y.journal.Counts().Chunks)
	defer span.End()
	if err := y.suppressed.Comparable(); err != nil {
		return failure.Permanent(failure.CodeNotComparable, "%s", err)
	}
	e := y.counts(found, b)
	records := make([]*kafka.Record, 0, len(b.chosen)+2)
	for i := range b.chosen {
		e.Read++
		if y.attempt.Run.Replay.How == schemas.ReplayDeclined {
			skip(&e, schemas.SkipDeclined, 1)
			continue
		}
		key, value := y.rowOf(m, b, i)
		if y.suppressed.Has(key) {
			skip(&e, schemas.SkipSuppressed, 1)
			continue
		}
		e.Extracted++
		partition := chunk.Partition(key, len(e.ByPartition))
		e.ByPartition[partition]++
		records = append(records, &kafka.Record{
			Topic: y.topics.Rows(y.attempt.Import), Partition: partition, Key: key, Value: value,
			Headers: append(y.eventHeaders(found, b, i),
				kafka.Header{Key: schemas.HeaderID, Value: y.attempt.RowID(e.Read).Append(nil)},
				kafka.Header{Key: schemas.HeaderTraceparent, Value: span.Header(telemetry.Chosen(e.Read) || e.ByPartition[partition] == 1)}),
		})
	}
	return y.commit(ctx, records, e, found, b)
}

// rowOf is the row of a batch's reject with its key.
func (y *replay) rowOf(m mapped, b *batch, i int) (key, value []byte) {
	if b.chosen[i].Source == replays.FromRows {
		return b.rows[i].Key, b.rows[i].Value
	}
	r := &b.rejects[i]
	if y.attempt.Run.Replay.How == schemas.ReplayAsSent {
		return []byte(r.Identity), r.Record
	}
	key, _ = m.mapping.Identity(r.Row)
	return key, r.Row
}

func (y *replay) eventHeaders(found replays.Found, b *batch, i int) []kafka.Header {
	headers := []kafka.Header{replayHeader(b.ref(i))}
	if y.attempt.Run.Replay.How == schemas.ReplayAsSent {
		return append(headers, kafka.Header{Key: schemas.HeaderAsSent, Value: []byte("true")})
	}
	if event := y.attempt.Run.Spec.Destination.Event; event == nil || event.CreatedOn != nil {
		return headers
	}
	clock := b.chosen[i].Clock
	if clock == 0 {
		// The event has the time that the run which rejected it would have given it.
		if at, err := schemas.ParseInstant(instantOf(found.Attempts[b.chosen[i].Attempt])); err == nil {
			clock = at.Unix()
		}
	}
	return append(headers, kafka.Header{Key: schemas.HeaderClock, Value: strconv.AppendInt(nil, clock, 10)})
}

// findRows looks in the rows topic for the rows that their rejects do not hold, and
// refuses the rejects whose row is gone.
func (y *replay) findRows(ctx context.Context, found *replays.Found) error {
	there := map[schemas.RowID]struct{}{}
	err := y.eachRow(ctx, *found, func(id schemas.RowID, _ replays.Chosen, _ *kafka.Record) error {
		there[id] = struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	found.Chosen = slices.DeleteFunc(found.Chosen, func(c replays.Chosen) bool {
		if c.Source != replays.FromRows {
			return false
		}
		_, ok := there[rowID(*found, c)]
		if !ok {
			found.Refused[schemas.RefusedNoRow]++
		}
		return !ok
	})
	return nil
}

func rowID(found replays.Found, c replays.Chosen) schemas.RowID {
	a := found.Attempts[c.Attempt]
	return schemas.RowID{Number: a.Number, Attempt: a.Attempt, Seq: c.Seq}
}

// eachRow calls fn for the rows in the rows topic that chosen rejects are about.
func (y *replay) eachRow(ctx context.Context, found replays.Found, fn func(schemas.RowID, replays.Chosen, *kafka.Record) error) error {
	wanted := map[schemas.RowID]replays.Chosen{}
	for _, c := range found.Chosen {
		if c.Source == replays.FromRows {
			wanted[rowID(found, c)] = c
		}
	}
	for p := range y.attempt.Partitions() {
		if len(wanted) == 0 {
			return nil
		}
		tp := kafka.TP{Topic: y.topics.Rows(y.attempt.Import), Partition: int32(p)} //nolint:gosec // at most MaxPartitions
		from, err := y.reader.StartOffset(ctx, tp)
		if err == nil {
			_, err = y.reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
				id, ok := schemas.ParseRowID(kafka.HeaderValue(rec, schemas.HeaderID))
				c, want := wanted[id]
				if !ok || !want || kafka.HeaderValue(rec, schemas.HeaderAsSent) != nil {
					return nil
				}
				delete(wanted, id)
				return fn(id, c, rec)
			})
		}
		if err != nil {
			return fmt.Errorf("reading rows: %w", err)
		}
	}
	return nil
}

// sendFromRows sends the rows that lie in the rows topic.
func (y *replay) sendFromRows(ctx context.Context, found replays.Found, m mapped) error {
	b := &batch{}
	send := func() error {
		full := b
		b = &batch{}
		return y.sendEvents(ctx, found, m, full)
	}
	err := y.eachRow(ctx, found, func(_ schemas.RowID, c replays.Chosen, rec *kafka.Record) error {
		b.chosen, b.rows = append(b.chosen, c), append(b.rows, rec)
		b.ranges = append(b.ranges, schemas.RejectRange{Partition: found.Partition, From: c.Offset, To: c.Offset})
		if len(b.chosen) < syncChunk {
			return nil
		}
		return send()
	})
	if err != nil || len(b.chosen) == 0 {
		return err
	}
	return send()
}

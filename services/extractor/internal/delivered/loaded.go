package delivered

import (
	"context"
	"errors"
	"fmt"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Loaded are the rows that runs have loaded.
type Loaded struct {
	Rows map[schemas.RowID]struct{}
	// Replayed are the rejects that those of them came of which a replay sent. Two rows may
	// name the same place: of a rejects topic that was deleted, and of the one made anew.
	Replayed map[schemas.RowID]schemas.RejectRef
	// Records is how many records the receipts call loaded; more than there are Rows
	// if the records topic does not hold them all any more.
	Records int64
	// Started are the reports of the start of all attempts that were asked for.
	Started []schemas.Started
}

// ReadLoaded reads the reports of the runs that q names and, of those that want names,
// which rows the loaded records were made of. An error leaves nothing.
func ReadLoaded(ctx context.Context, log Log, q Question, want func(number int) bool) (Loaded, error) {
	o := newOutcomes(q.Import, q.Runs)
	reports := kafka.TP{Topic: q.Topics.Reports(), Partition: schemas.ControlPartition(q.Import)}
	from, err := log.OffsetAt(ctx, reports, q.Runs[0].StartedAt.Add(-q.Slack))
	if err == nil {
		_, err = log.ReadTo(ctx, reports, from, func(rec *kafka.Record) error {
			if string(rec.Key) == q.Import {
				o.add(rec.Value)
			}
			return nil
		})
	}
	if err != nil {
		return Loaded{}, fmt.Errorf("reading what runs have loaded: %w", err)
	}
	out := Loaded{Rows: map[schemas.RowID]struct{}{}, Replayed: map[schemas.RowID]schemas.RejectRef{}}
	for _, started := range o.started {
		out.Started = append(out.Started, started)
	}
	wanted := map[int32]spans{}
	for a, partitions := range o.loaded {
		for partition, offsets := range partitions {
			if want(a.number) {
				wanted[partition] = wanted[partition].with(offsets)
				out.Records += offsets.count()
			}
		}
	}
	for partition, offsets := range wanted {
		if len(offsets) == 0 {
			continue
		}
		last := offsets[len(offsets)-1].to
		_, err := log.ReadTo(ctx, kafka.TP{Topic: q.Topics.Records(q.Import), Partition: partition}, offsets[0].from, func(rec *kafka.Record) error {
			id, ok := schemas.ParseRowID(kafka.HeaderValue(rec, schemas.HeaderID))
			if ok && want(id.Number) && o.loaded[attempt{id.Number, id.Attempt}][rec.Partition].has(rec.Offset) && len(out.Rows) < q.Limit {
				out.Rows[id] = struct{}{}
				if ref := schemas.ReplayOf(kafka.HeaderValue(rec, schemas.HeaderReplayOf)); ref != nil {
					out.Replayed[id] = *ref
				}
			}
			if rec.Offset >= last {
				return errPast
			}
			return nil
		})
		if err != nil && !errors.Is(err, errPast) {
			return Loaded{}, fmt.Errorf("reading which rows runs have loaded: %w", err)
		}
	}
	return out, nil
}

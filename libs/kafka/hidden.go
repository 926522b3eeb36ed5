package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// hiddenAfter is how long a reading to the end may wait before the log says what it
// waits for.
const hiddenAfter = 30 * time.Second

// Gap is what an open transaction hides of a partition: the offsets from Stable on, below
// End.
type Gap struct{ Stable, End int64 }

// Gaps returns the partitions of topics in which a transaction is open, and from
// which offset on it hides records from those who read committed ones. A
// transaction ends with its commit or abort, or when the broker's timeout for it is
// over.
func (r *Reader) Gaps(ctx context.Context, topics ...string) (map[TP]Gap, error) {
	// The last stable offsets are listed first: a transaction that commits between the two
	// calls is then reported although it has ended, and an open one is never missed.
	stable, err := r.admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("listing stable offsets: %w", err)
	}
	ends, err := r.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("listing offsets: %w", err)
	}
	hidden := map[TP]Gap{}
	for topic, partitions := range stable {
		for partition, at := range partitions {
			if end, ok := ends.Lookup(topic, partition); ok && at.Err == nil && end.Err == nil && at.Offset < end.Offset {
				hidden[TP{Topic: topic, Partition: partition}] = Gap{Stable: at.Offset, End: end.Offset}
			}
		}
	}
	return hidden, nil
}

// Hidden returns the first offset of each gap.
func (r *Reader) Hidden(ctx context.Context, topics ...string) (map[TP]int64, error) {
	gaps, err := r.Gaps(ctx, topics...)
	first := make(map[TP]int64, len(gaps))
	for tp, gap := range gaps {
		first[tp] = gap.Stable
	}
	return first, err
}

// logHidden logs that a reading waits for an open transaction, if there is one.
func (r *Reader) logHidden(ctx context.Context, tp TP) {
	hidden, err := r.Hidden(ctx, tp.Topic)
	if at, open := hidden[tp]; err == nil && open {
		r.deps.Log.WarnContext(ctx, "an open transaction hides records: what needs them waits until it ends or times out",
			slog.String("topic", tp.Topic), slog.Int("partition", int(tp.Partition)), slog.Int64("offset", at))
	}
}

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

// Hidden returns the partitions of topics in which a transaction is open, and from
// which offset on it hides records from those who read committed ones. A
// transaction ends with its commit or abort, or when the broker's timeout for it is
// over.
func (r *Reader) Hidden(ctx context.Context, topics ...string) (map[TP]int64, error) {
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
	hidden := map[TP]int64{}
	for topic, partitions := range stable {
		for partition, at := range partitions {
			if end, ok := ends.Lookup(topic, partition); ok && at.Err == nil && end.Err == nil && at.Offset < end.Offset {
				hidden[TP{Topic: topic, Partition: partition}] = at.Offset
			}
		}
	}
	return hidden, nil
}

// logHidden logs that a reading waits for an open transaction, if there is one.
func (r *Reader) logHidden(ctx context.Context, tp TP) {
	hidden, err := r.Hidden(ctx, tp.Topic)
	if at, open := hidden[tp]; err == nil && open {
		r.deps.Log.WarnContext(ctx, "an open transaction hides records: what needs them waits until it ends or times out",
			slog.String("topic", tp.Topic), slog.Int("partition", int(tp.Partition)), slog.Int64("offset", at))
	}
}

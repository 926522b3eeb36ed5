package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// pickGap is the largest gap between two wanted offsets that is read through rather than
	// skipped: a skip costs a request.
	pickGap = 200
	// pickFetchBytes bounds the answer to a fetch, of which often one record is wanted.
	pickFetchBytes = 256 << 10
	// pickTimeout bounds the wait for one record.
	pickTimeout = 15 * time.Second
)

// Pick calls fn with the committed record at each of the offsets, which must be in
// ascending order and below the last stable offset. Offsets without a record are passed
// over. Pick ends with the first error of fn.
func (r *Reader) Pick(ctx context.Context, tp TP, offsets []int64, fn func(*Record) error) error {
	start, err := r.StartOffset(ctx, tp)
	if err != nil {
		return err
	}
	for len(offsets) > 0 && offsets[0] < start {
		offsets = offsets[1:] // retention has deleted them
	}
	if len(offsets) == 0 {
		return nil
	}
	tail, err := openTail(r.cfg, r.deps, map[TP]int64{tp: offsets[0]}, kgo.KeepControlRecords(), kgo.FetchMaxPartitionBytes(pickFetchBytes), kgo.FetchMaxBytes(pickFetchBytes))
	if err != nil {
		return err
	}
	defer tail.Close()
	for len(offsets) > 0 {
		records, err := tail.pickable(ctx)
		if err != nil {
			return fmt.Errorf("reading %s[%d] at offset %d: %w", tp.Topic, tp.Partition, offsets[0], err)
		}
		for _, rec := range records {
			for len(offsets) > 0 && offsets[0] < rec.Offset {
				offsets = offsets[1:] // there is no record at it
			}
			if len(offsets) == 0 {
				return nil
			}
			if rec.Offset != offsets[0] {
				continue
			}
			offsets = offsets[1:]
			if rec.Attrs.IsControl() {
				continue
			}
			if err := fn(rec); err != nil {
				return err
			}
		}
		if len(offsets) > 0 && len(records) > 0 && offsets[0]-records[len(records)-1].Offset > pickGap {
			tail.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{tp.Topic: {tp.Partition: {Epoch: -1, Offset: offsets[0]}}})
		}
	}
	return nil
}

var errPickSlow = errors.New("no record arrives from Kafka")

func (t *Tail) pickable(ctx context.Context) ([]*Record, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, pickTimeout, errPickSlow)
	defer cancel()
	records, err := t.Poll(ctx, 10_000)
	if err != nil && context.Cause(ctx) != nil {
		return nil, context.Cause(ctx)
	}
	return records, err
}

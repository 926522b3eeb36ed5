package projection

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// Scanner is what Rebuild needs of Redis beyond a Store.
type Scanner interface {
	Store
	Scan(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// rebuildPoll is how often Rebuild looks whether a partition is complete.
const rebuildPoll = 100 * time.Millisecond

// Rebuild empties the projection, makes the schedulers write it again from the
// log and returns once they have. The ledger and the leases are not part of it
// and stay.
func Rebuild(ctx context.Context, store Scanner) error {
	if err := empty(ctx, store); err != nil {
		return err
	}
	w := NewWriter(store)
	for p := range int32(schemas.ControlPartitions) {
		// Invalidate comes after the values are deleted, so that nothing is deleted that
		// an owner writes after Invalidate.
		if err := w.Invalidate(ctx, p); err != nil {
			return err
		}
	}
	for p := range int32(schemas.ControlPartitions) {
		if err := untilComplete(ctx, w, p); err != nil {
			return err
		}
	}
	return nil
}

func empty(ctx context.Context, store Scanner) error {
	keys := []string{importsKey, runsKey, dryRunsKey}
	for _, prefix := range []string{ImportKey(""), RunKey(""), runsKey + ":", dryRunsKey + ":"} {
		for key, err := range store.Scan(ctx, prefix) {
			if err != nil {
				return err
			}
			if strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
	}
	return store.Del(ctx, keys...)
}

func untilComplete(ctx context.Context, w *Writer, partition int32) error {
	tick := time.NewTicker(rebuildPoll)
	defer tick.Stop()
	for {
		writeID, err := w.CompleteWrite(ctx, partition)
		if err == nil && writeID != "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if err == nil {
				err = ctx.Err()
			}
			return fmt.Errorf("waiting for the owner of partition %d to write its part: is a scheduler running? %w", partition, err)
		}
	}
}

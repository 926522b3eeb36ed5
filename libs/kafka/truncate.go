package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Truncate deletes the records of partitions below offsets, as retention does.
func Truncate(ctx context.Context, cfg Config, deps Deps, below map[TP]int64) error {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return err
	}
	defer admin.Close()
	var offsets kadm.Offsets
	for tp, at := range below {
		offsets.AddOffset(tp.Topic, tp.Partition, at, -1)
	}
	deleted, err := admin.DeleteRecords(ctx, offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("deleting records: %w", err)
	}
	return nil
}

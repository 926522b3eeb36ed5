package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapline.dev/libs/kafka"
)

// DeleteOffsets deletes the committed offsets of a group in every partition, as
// their expiry does. The group is named without the prefix and must have no
// members.
func DeleteOffsets(ctx context.Context, cfg kafka.Config, group string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		return err
	}
	admin := kadm.NewClient(client)
	defer admin.Close()
	deleted, err := admin.DeleteGroups(ctx, cfg.Prefix+strings.TrimPrefix(group, cfg.Prefix))
	if err == nil {
		err = deleted.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // the group has committed nothing yet
		return fmt.Errorf("deleting group %s: %w", group, err)
	}
	return nil
}

// MoveOffsets moves the committed offsets of a group by some records: back, at most to the
// beginning, or ahead, perhaps past the end, as a person with a tool does. The group is named
// without the prefix and must have no members.
func MoveOffsets(ctx context.Context, cfg kafka.Config, group string, by int64) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		return err
	}
	admin := kadm.NewClient(client)
	defer admin.Close()
	name := cfg.Prefix + strings.TrimPrefix(group, cfg.Prefix)
	committed, err := admin.FetchOffsets(ctx, name)
	if errors.Is(err, kerr.GroupIDNotFound) { // the group has committed nothing yet
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the offsets of %s: %w", group, err)
	}
	var offsets kadm.Offsets
	for topic, partitions := range committed {
		for partition, o := range partitions {
			offsets.AddOffset(topic, partition, max(0, o.At+by), -1)
		}
	}
	set, err := admin.CommitOffsets(ctx, name, offsets)
	if err == nil {
		err = set.Error()
	}
	if err != nil {
		return fmt.Errorf("moving the offsets of %s: %w", group, err)
	}
	return nil
}

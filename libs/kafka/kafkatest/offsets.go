package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
)

// DeleteOffsets deletes the committed offsets of a group in every partition, as
// their expiry does. The group is named without the prefix, and is waited for until it has no
// members.
func DeleteOffsets(ctx context.Context, cfg kafka.Config, group string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		return err
	}
	admin := kadm.NewClient(client)
	defer admin.Close()
	err = onceEmpty(ctx, func() error {
		deleted, err := admin.DeleteGroups(ctx, cfg.Prefix+strings.TrimPrefix(group, cfg.Prefix))
		if err == nil {
			err = deleted.Error()
		}
		return err
	})
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // the group has committed nothing yet
		return fmt.Errorf("deleting group %s: %w", group, err)
	}
	return nil
}

// MoveOffsets moves the committed offsets of a group by some records: back, at most to the
// beginning, or ahead, perhaps past the end, as a person with a tool does. The group is named
// without the prefix and is waited for until it has no members.
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
	err = onceEmpty(ctx, func() error {
		set, err := admin.CommitOffsets(ctx, name, offsets)
		if err == nil {
			err = set.Error()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("moving the offsets of %s: %w", group, err)
	}
	return nil
}

// SetOffset sets a consumer group's offset of one partition, with its metadata.
func SetOffset(ctx context.Context, cfg kafka.Config, group string, tp kafka.TP, offset int64, metadata string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		return err
	}
	admin := kadm.NewClient(client)
	defer admin.Close()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: tp.Topic, Partition: tp.Partition, At: offset, LeaderEpoch: -1, Metadata: metadata})
	err = onceEmpty(ctx, func() error {
		set, err := admin.CommitOffsets(ctx, cfg.Prefix+strings.TrimPrefix(group, cfg.Prefix), offsets)
		if err == nil {
			err = set.Error()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("setting an offset of %s: %w", group, err)
	}
	return nil
}

// sessionsEnd is how long killed members are waited for.
const sessionsEnd = 30 * time.Second

// onceEmpty changes a group once it has no members: a killed one is a member until its
// session ends.
func onceEmpty(ctx context.Context, change func() error) error {
	ctx, cancel := context.WithTimeout(ctx, sessionsEnd)
	defer cancel()
	for {
		err := change()
		busy := errors.Is(err, kerr.NonEmptyGroup) || errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.RebalanceInProgress)
		if !busy || backoff.Wait(ctx, 50*time.Millisecond) != nil {
			return err
		}
	}
}

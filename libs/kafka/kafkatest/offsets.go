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

// DeleteOffsets makes a group, named without the prefix, forget where it was in
// every partition, as an expiry of its offsets does. The group must have no
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
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // it has committed nothing yet
		return fmt.Errorf("deleting group %s: %w", group, err)
	}
	return nil
}

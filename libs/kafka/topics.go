package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapline.dev/schemas"
)

type listed = kadm.ListedOffset

// EnsureTopics creates the topics that are missing. An existing topic with
// another partition count is an error: its keys would move.
func EnsureTopics(ctx context.Context, cfg Config, deps Deps, specs []schemas.TopicSpec) error {
	client, err := kgo.NewClient(base(cfg, deps)...)
	if err != nil {
		return fmt.Errorf("ensuring topics: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)

	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	existing, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("listing topics: %w", unreachable(cfg, err))
	}
	var errs []error
	for _, s := range specs {
		if found, ok := existing[s.Name]; ok && found.Err == nil {
			if n := len(found.Partitions); n != s.Partitions {
				errs = append(errs, fmt.Errorf("topic %s has %d partitions where %d are asked for", s.Name, n, s.Partitions))
			}
			continue
		}
		_, err := admin.CreateTopic(ctx, int32(s.Partitions), -1, settings(s), s.Name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			errs = append(errs, fmt.Errorf("creating topic %s: %w", s.Name, err))
		}
	}
	return errors.Join(errs...)
}

// DeleteTopics deletes topics; missing ones are fine.
func DeleteTopics(ctx context.Context, cfg Config, deps Deps, names ...string) error {
	client, err := kgo.NewClient(base(cfg, deps)...)
	if err != nil {
		return fmt.Errorf("deleting topics: %w", err)
	}
	defer client.Close()
	responses, err := kadm.NewClient(client).DeleteTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("deleting topics: %w", err)
	}
	var errs []error
	for _, r := range responses.Sorted() {
		if r.Err != nil && !errors.Is(r.Err, kerr.UnknownTopicOrPartition) {
			errs = append(errs, fmt.Errorf("deleting topic %s: %w", r.Topic, r.Err))
		}
	}
	return errors.Join(errs...)
}

func settings(s schemas.TopicSpec) map[string]*string {
	text := func(v string) *string { return &v }
	if s.Compact {
		return map[string]*string{"cleanup.policy": text("compact")}
	}
	return map[string]*string{
		"cleanup.policy": text("delete"),
		"retention.ms":   text(strconv.FormatInt(s.Retention.Milliseconds(), 10)),
	}
}

// Reachable returns once a broker has answered, or says what to do.
func Reachable(ctx context.Context, cfg Config, deps Deps) error {
	client, err := kgo.NewClient(base(cfg, deps)...)
	if err != nil {
		return fmt.Errorf("reaching Kafka: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		return unreachable(cfg, err)
	}
	return nil
}

func unreachable(cfg Config, err error) error {
	return fmt.Errorf("reaching Kafka at %s: is it running, and is kafka.brokers right? %w", strings.Join(cfg.Brokers, ","), err)
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"tapline.dev/schemas"
)

// Values of TopicChange.What that are not names of a topic's settings.
const (
	ChangeCreate      = "create"
	ChangePartitions  = "partitions"
	ChangeReplication = "replication.factor"
)

// TopicChange is one difference between a topic as it is specified and as it is.
type TopicChange struct {
	Topic string `json:"topic"`
	// What is ChangeCreate, ChangePartitions, ChangeReplication or a setting's name.
	What string `json:"what"`
	Have string `json:"have,omitempty"`
	Want string `json:"want,omitempty"`
	// Refused says why ApplyTopics leaves it alone.
	Refused string `json:"refused,omitempty"`
}

// PlanTopics compares topics with their specification and changes nothing.
func PlanTopics(ctx context.Context, cfg Config, deps Deps, specs []schemas.TopicSpec) ([]TopicChange, error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	return plan(ctx, admin, cfg, specs)
}

// ApplyTopics makes what PlanTopics shows and returns that plan. What is refused
// stays as it is.
func ApplyTopics(ctx context.Context, cfg Config, deps Deps, specs []schemas.TopicSpec) ([]TopicChange, error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	changes, err := plan(ctx, admin, cfg, specs)
	if err != nil {
		return nil, err
	}
	byName := map[string]schemas.TopicSpec{}
	for _, s := range specs {
		byName[s.Name] = s
	}
	var errs []error
	var missing []schemas.TopicSpec
	for _, c := range changes {
		switch {
		case c.Refused != "":
		case c.What == ChangeCreate:
			missing = append(missing, byName[c.Topic])
		default:
			errs = append(errs, alter(ctx, admin, c))
		}
	}
	_, err = createAll(ctx, admin, cfg, missing)
	if err := errors.Join(append(errs, err)...); err != nil {
		return changes, err
	}
	return changes, known(ctx, admin, names(missing))
}

func alter(ctx context.Context, admin *kadm.Client, c TopicChange) error {
	responses, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: c.What, Value: &c.Want}}, c.Topic)
	for _, r := range responses {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		return fmt.Errorf("setting %s of topic %s: %w", c.What, c.Topic, err)
	}
	return nil
}

func plan(ctx context.Context, admin *kadm.Client, cfg Config, specs []schemas.TopicSpec) ([]TopicChange, error) {
	details, err := look(ctx, admin, cfg, names(specs))
	if err != nil {
		return nil, err
	}
	var existing []string
	for _, d := range details {
		if d.Err == nil {
			existing = append(existing, d.Topic)
		}
	}
	configs := map[string]map[string]string{}
	if len(existing) > 0 {
		if configs, err = describe(ctx, admin, existing); err != nil {
			return nil, err
		}
	}
	var changes []TopicChange
	for _, s := range specs {
		found, ok := details[s.Name]
		switch {
		case !ok || errors.Is(found.Err, kerr.UnknownTopicOrPartition):
			changes = append(changes, TopicChange{Topic: s.Name, What: ChangeCreate, Want: strconv.Itoa(s.Partitions) + " partitions"})
		case found.Err != nil:
			return nil, fmt.Errorf("describing topic %s: %w", s.Name, found.Err)
		default:
			changes = append(changes, compare(cfg, s, found, configs[s.Name])...)
		}
	}
	return changes, nil
}

func describe(ctx context.Context, admin *kadm.Client, topics []string) (map[string]map[string]string, error) {
	described, err := admin.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("describing topics: %w", err)
	}
	out := map[string]map[string]string{}
	for _, r := range described {
		if r.Err != nil {
			return nil, fmt.Errorf("describing topic %s: %w", r.Name, r.Err)
		}
		out[r.Name] = map[string]string{}
		for _, c := range r.Configs {
			out[r.Name][c.Key] = c.MaybeValue()
		}
	}
	return out, nil
}

func compare(cfg Config, s schemas.TopicSpec, found kadm.TopicDetail, have map[string]string) []TopicChange {
	var changes []TopicChange
	if n := len(found.Partitions); n != s.Partitions {
		changes = append(changes, TopicChange{
			Topic: s.Name, What: ChangePartitions, Have: strconv.Itoa(n), Want: strconv.Itoa(s.Partitions),
			Refused: "the keys of what is in the topic would move; drain and delete it first",
		})
	}
	if n := found.Partitions.NumReplicas(); cfg.ReplicationFactor > 0 && n != cfg.ReplicationFactor {
		changes = append(changes, TopicChange{
			Topic: s.Name, What: ChangeReplication, Have: strconv.Itoa(n), Want: strconv.Itoa(cfg.ReplicationFactor),
			Refused: "replicas are moved with kafka-reassign-partitions",
		})
	}
	want := topicSettings(cfg, s)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if have[key] != want[key] {
			changes = append(changes, TopicChange{Topic: s.Name, What: key, Have: have[key], Want: want[key]})
		}
	}
	return changes
}

// topicSettings are the settings of a topic that are not the brokers' default.
func topicSettings(cfg Config, s schemas.TopicSpec) map[string]string {
	settings := map[string]string{"cleanup.policy": "compact"}
	if !s.Compact {
		settings = map[string]string{
			"cleanup.policy": "delete",
			"retention.ms":   strconv.FormatInt(s.Retention.Milliseconds(), 10),
		}
	}
	if s.SegmentBytes > 0 {
		// Kafka refuses a batch that is larger than a segment.
		settings["segment.bytes"] = strconv.FormatInt(max(s.SegmentBytes, 2*int64(cfg.MaxMessageBytes)), 10)
	}
	if s.SegmentAge > 0 {
		settings["segment.ms"] = strconv.FormatInt(s.SegmentAge.Milliseconds(), 10)
	}
	if cfg.MinInsyncReplicas > 0 {
		settings["min.insync.replicas"] = strconv.Itoa(cfg.MinInsyncReplicas)
	}
	return settings
}

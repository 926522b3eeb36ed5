package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"tapline.dev/schemas"
)

// metadataTimeout is how long EnsureTopics waits until the brokers know the topics that
// it made, and DeleteTopics until they have forgotten those that it deleted.
const metadataTimeout = 10 * time.Second

// ErrMissingTopics says that topics are not there and may not be made.
var ErrMissingTopics = errors.New("topics are missing")

// EnsureTopics makes sure that the topics exist; see MakeTopics.
func EnsureTopics(ctx context.Context, cfg Config, deps Deps, specs []schemas.TopicSpec) error {
	_, err := MakeTopics(ctx, cfg, deps, specs)
	return err
}

// MakeTopics makes sure that the topics exist, and returns those that it made, also with
// an error: then they stay, and the same call goes on with the others. It creates missing
// topics if the configuration allows that; otherwise its error names the command that
// does. An existing topic with another partition count is an error, because its
// keys would be in other partitions than expected; then it makes none.
func MakeTopics(ctx context.Context, cfg Config, deps Deps, specs []schemas.TopicSpec) (made []string, err error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	existing, err := look(ctx, admin, cfg, names(specs))
	if err != nil {
		return nil, err
	}
	var missing []schemas.TopicSpec
	var errs []error
	for _, s := range specs {
		found, ok := existing[s.Name]
		switch {
		case !ok || errors.Is(found.Err, kerr.UnknownTopicOrPartition):
			missing = append(missing, s)
		case found.Err != nil:
			errs = append(errs, fmt.Errorf("describing topic %s: %w", s.Name, found.Err))
		case len(found.Partitions) != s.Partitions:
			errs = append(errs, fmt.Errorf("topic %s has %d partitions where %d are asked for", s.Name, len(found.Partitions), s.Partitions))
		}
	}
	if len(missing) > 0 && !cfg.CreateTopics {
		errs = append(errs, fmt.Errorf("%w: %s; make them with `tapline topics apply`, for a new import with -f and its definition, or set kafka.createTopics",
			ErrMissingTopics, strings.Join(names(missing), ", ")))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if made, err = createAll(ctx, admin, cfg, missing); err != nil {
		return made, err
	}
	return made, known(ctx, admin, names(missing))
}

// look describes topics. The details of a topic that does not exist hold an
// error. If the client lacks the right to see a topic, look's error names that
// topic, which Kafka's own error does not.
func look(ctx context.Context, admin *kadm.Client, cfg Config, topics []string) (kadm.TopicDetails, error) {
	found, err := admin.ListTopics(ctx, topics...)
	if err == nil {
		return found, nil
	}
	if _, denied := errors.AsType[*kadm.AuthError](err); !denied {
		return nil, fmt.Errorf("listing topics: %w", unreachable(cfg, err))
	}
	for _, name := range topics {
		if _, err := admin.ListTopics(ctx, name); err != nil {
			return nil, fmt.Errorf("looking at topic %s: %w", name, err)
		}
	}
	return nil, fmt.Errorf("listing topics: %w", err)
}

func names(specs []schemas.TopicSpec) []string {
	out := make([]string, len(specs))
	for i, s := range specs {
		out[i] = s.Name
	}
	return out
}

// partitionsPerCreation bounds the partitions that one request creates. A controller
// writes what a request creates as one atomic batch, and Kafka refuses more than 10,000.
const partitionsPerCreation = 2000

// createAll creates topics, those that are alike with as few requests as
// partitionsPerCreation allows, and returns those that it made. A topic that exists
// already is fine. After a request that failed it sends no more.
func createAll(ctx context.Context, admin *kadm.Client, cfg Config, specs []schemas.TopicSpec) (made []string, err error) {
	alike := map[string][]schemas.TopicSpec{}
	var order []string
	for _, s := range specs {
		key := fmt.Sprint(s.Partitions, topicSettings(cfg, s)) // fmt writes maps in the order of their keys
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], s)
	}
	for _, key := range order {
		for some := range slices.Chunk(alike[key], max(1, partitionsPerCreation/max(1, alike[key][0].Partitions))) {
			created, err := create(ctx, admin, cfg, some)
			made = append(made, created...)
			if err != nil {
				return made, err
			}
		}
	}
	return made, nil
}

// create creates topics that are alike with one request.
func create(ctx context.Context, admin *kadm.Client, cfg Config, alike []schemas.TopicSpec) (made []string, err error) {
	replication := int16(-1) // the brokers' default
	if cfg.ReplicationFactor > 0 {
		replication = int16(cfg.ReplicationFactor)
	}
	settings := map[string]*string{}
	for key, value := range topicSettings(cfg, alike[0]) {
		settings[key] = &value
	}
	responses, err := admin.CreateTopics(ctx, int32(alike[0].Partitions), replication, settings, names(alike)...)
	if err != nil {
		return nil, fmt.Errorf("creating topics: %w", err)
	}
	var errs []error
	for _, r := range responses.Sorted() {
		switch {
		case r.Err == nil:
			made = append(made, r.Topic)
		case !errors.Is(r.Err, kerr.TopicAlreadyExists):
			err := r.Err
			if r.ErrMessage != "" {
				err = fmt.Errorf("%w: %s", err, r.ErrMessage)
			}
			errs = append(errs, fmt.Errorf("creating topic %s: %w", r.Topic, err))
		}
	}
	return made, errors.Join(errs...)
}

// known waits until every topic is in the brokers' metadata with a leader for
// each partition: a controller answers a creation before its brokers have heard
// of it.
func known(ctx context.Context, admin *kadm.Client, topics []string) error {
	if len(topics) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ends, err := admin.ListEndOffsets(ctx, topics...)
		if err == nil {
			err = ends.Error()
		}
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the topics that were created: %w", err)
		}
	}
}

// Topics lists the topics that begin with the prefix, in order.
func Topics(ctx context.Context, cfg Config, deps Deps) ([]string, error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	all, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", unreachable(cfg, err))
	}
	own := slices.DeleteFunc(all.Names(), func(name string) bool { return !strings.HasPrefix(name, cfg.Prefix) })
	slices.Sort(own)
	return own, nil
}

// DeleteTopics deletes topics and returns once the brokers no longer show them; missing
// ones are fine.
func DeleteTopics(ctx context.Context, cfg Config, deps Deps, names ...string) error {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return err
	}
	defer admin.Close()
	responses, err := admin.DeleteTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("deleting topics: %w", err)
	}
	deleted := map[string]kadm.TopicID{}
	var errs []error
	for _, r := range responses.Sorted() {
		switch {
		case r.Err == nil:
			deleted[r.Topic] = r.ID
		case !errors.Is(r.Err, kerr.UnknownTopicOrPartition):
			errs = append(errs, fmt.Errorf("deleting topic %s: %w", r.Topic, r.Err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return forgotten(ctx, admin, deleted)
}

// forgotten waits until no topic that was deleted is in the brokers' metadata under the
// id that it had: a controller answers a deletion before its brokers have heard of it,
// and whoever then makes the topic anew would find the old one and make none.
func forgotten(ctx context.Context, admin *kadm.Client, deleted map[string]kadm.TopicID) error {
	if len(deleted) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(deleted))
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := admin.ListTopics(ctx, names...)
		if err == nil && !slices.ContainsFunc(names, func(name string) bool { return found.Has(name) && found[name].ID == deleted[name] }) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the brokers to forget the topics that were deleted: %w", errors.Join(err, ctx.Err()))
		}
	}
}

// PartitionCounts returns how many partitions topics have. One that does not exist is
// left out.
func PartitionCounts(ctx context.Context, cfg Config, deps Deps, topics []string) (map[string]int, error) {
	admin, err := openAdmin(cfg, deps)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	details, err := look(ctx, admin, cfg, topics)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, d := range details {
		switch {
		case errors.Is(d.Err, kerr.UnknownTopicOrPartition):
		case d.Err != nil:
			return nil, fmt.Errorf("describing topic %s: %w", d.Topic, d.Err)
		default:
			counts[d.Topic] = len(d.Partitions)
		}
	}
	return counts, nil
}

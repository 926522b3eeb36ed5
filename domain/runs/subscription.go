package runs

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// subscribed is what is known of an import.
type subscribed struct {
	metadata schemas.Metadata
	topic    schemas.TopicSettings
}

// Subscription knows one topic of every import that was ever applied, so that it
// is consumed: a subscription by pattern would take minutes to see a new import.
type Subscription struct {
	imports *kafka.Table[subscribed]
	topicOf func(importName string) string

	mu    sync.Mutex
	known map[string]bool // topics
}

// OpenSubscription returns a subscription to the topics that topicOf names, and
// to the given topics. It connects lazily; Run follows.
func OpenSubscription(cfg kafka.Config, deps kafka.Deps, topicOf func(importName string) string, topics ...string) (*Subscription, error) {
	imports, err := kafka.OpenTable(cfg, deps, importNames(schemas.NewTopics(cfg.Prefix)))
	if err != nil {
		return nil, err
	}
	return newSubscription(imports, topicOf, topics...), nil
}

// importNames holds the names and labels of imports only. The rows of an import
// whose definition cannot be read are consumed like any other's: the run that they
// belong to has its own copy of the definition.
func importNames(topics schemas.Topics) kafka.TableConfig[subscribed] {
	return kafka.TableConfig[subscribed]{
		Topic: topics.Imports(),
		Decode: func(key string, value []byte) (subscribed, error) {
			var d struct {
				Metadata schemas.Metadata `json:"metadata"`
				Spec     struct {
					Topic schemas.TopicSettings `json:"topic"`
				} `json:"spec"`
			}
			if json.Unmarshal(value, &d) != nil {
				return subscribed{metadata: schemas.Metadata{Name: key}}, nil // without labels, and consumed all the same
			}
			return subscribed{schemas.Metadata{Name: key, Labels: d.Metadata.Labels}, d.Spec.Topic}, nil
		},
	}
}

// Metadata is the name of an import with the labels that it bears now. Safe for
// concurrent use.
func (s *Subscription) Metadata(importName string) schemas.Metadata {
	if i, found, err := s.imports.Get(importName); found && err == nil {
		return i.metadata
	}
	return schemas.Metadata{Name: importName}
}

// TopicSettings says how the topics of an import are made. Safe for concurrent use.
func (s *Subscription) TopicSettings(importName string) schemas.TopicSettings {
	i, _, _ := s.imports.Get(importName) // the defaults, if it is not known
	return i.topic
}

func newSubscription(imports *kafka.Table[subscribed], topicOf func(importName string) string, topics ...string) *Subscription {
	s := &Subscription{imports: imports, topicOf: topicOf, known: map[string]bool{}}
	for _, topic := range topics {
		s.known[topic] = true
	}
	return s
}

// Run follows the definitions until ctx ends.
func (s *Subscription) Run(ctx context.Context) error { return s.imports.Run(ctx) }

// settleTimeout bounds Settle: a partition of the imports topic may be offline, or an open
// transaction may hide what is in it, and the imports of the others do not wait for it.
const settleTimeout = 5 * time.Second

// Settle returns once the definitions are read to their end, as far as that takes no
// longer than settleTimeout. A member that joins its group before knows some of its topics
// only, and each topic that it adds later makes the group rebalance once more.
func (s *Subscription) Settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	_ = s.imports.ReadToEnd(ctx) // Follow adds what comes later
}

// Follow calls add with every known topic and, until stop, with the new ones, as many at
// once as there are: each call makes a consumer group rebalance.
func (s *Subscription) Follow(add func(topics ...string)) (stop func()) {
	added := map[string]bool{}
	look := func() <-chan struct{} {
		changed := s.imports.Changed()
		var fresh []string
		for _, topic := range s.topics() {
			if !added[topic] {
				added[topic] = true
				fresh = append(fresh, topic)
			}
		}
		if len(fresh) > 0 {
			add(fresh...)
		}
		return changed
	}
	changed := look()
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() {
		for {
			select {
			case <-changed:
				changed = look()
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		following.Wait()
	}
}

// topics are those of all imports seen so far. A deleted import stays among them
// until the process ends: its topics may still hold records of a run.
func (s *Subscription) topics() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.imports.Keys() {
		s.known[s.topicOf(name)] = true
	}
	topics := make([]string, 0, len(s.known))
	for topic := range s.known {
		topics = append(topics, topic)
	}
	return topics
}

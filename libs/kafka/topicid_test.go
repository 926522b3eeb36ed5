package kafka_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestTopicID: a topic keeps its id for as long as it lives, and the one that is
// made in its place has another.
func TestTopicID(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topics := schemas.NewTopics(cfg.Prefix)
	reader := open[*kafka.Reader](t)(kafka.OpenReader(cfg, kafkatest.Deps()))
	defer reader.Close()
	id := func() string {
		t.Helper()
		id, err := reader.TopicID(t.Context(), topics.Commands())
		must(t, err)
		return id
	}
	first := id()
	if first == "" || id() != first {
		t.Fatalf("the ids of one topic are %q and %q", first, id())
	}
	other, err := reader.TopicID(t.Context(), topics.Reports())
	must(t, err)
	if other == first {
		t.Errorf("two topics have the id %s", other)
	}
	must(t, kafka.DeleteTopics(t.Context(), cfg, kafkatest.Deps(), topics.Commands()))
	if id, err := reader.TopicID(t.Context(), topics.Commands()); !errors.Is(err, kafka.ErrNoTopic) {
		t.Errorf("a deleted topic has the id %q, %v", id, err)
	}
	ids, err := reader.TopicIDs(t.Context(), topics.Commands(), topics.Reports())
	must(t, err)
	if len(ids) != 1 || ids[topics.Reports()] != other {
		t.Errorf("TopicIDs() = %v", ids)
	}
	must(t, kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), topics.Catalogue()))
	if again := id(); again == first || again == "" {
		t.Errorf("the topic that was created again has the id %q, the deleted one had %q", again, first)
	}
}

func TestClusterID(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	reader := open[*kafka.Reader](t)(kafka.OpenReader(cfg, kafkatest.Deps()))
	defer reader.Close()
	id, err := reader.ClusterID(t.Context())
	must(t, err)
	if id == "" {
		t.Error("the cluster has no id")
	}
	if kafkatest.Real() != "" {
		return
	}
	other := open[*kafka.Reader](t)(kafka.OpenReader(kafkatest.Start(t), kafkatest.Deps()))
	defer other.Close()
	if same, err := other.ClusterID(t.Context()); err != nil || same == id {
		t.Errorf("two clusters have the ids %q and %q, %v", id, same, err)
	}
}

// TestAProducerOfARecreatedTopic: a producer that lives on writes to topics that were deleted
// and created again, also if several callers meet it at once, and whether or not its client
// has noticed meanwhile.
func TestAProducerOfARecreatedTopic(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, 600 * time.Millisecond, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			cfg, deps := kafkatest.StartVirtual(t)
			producer, err := kafka.OpenProducer(cfg, deps)
			must(t, err)
			defer producer.Close()
			reader, err := kafka.OpenReader(cfg, deps)
			must(t, err)
			defer reader.Close()
			topics := schemas.NewTopics(cfg.Prefix)
			both := []string{topics.Commands(), topics.Rejects()}
			write := func(n int) {
				var writing sync.WaitGroup
				for range n {
					for _, topic := range both {
						writing.Go(func() {
							if err := producer.Produce(t.Context(), &kafka.Record{Topic: topic, Value: []byte("x")}); err != nil {
								t.Errorf("writing: %v", err)
							}
						})
					}
				}
				writing.Wait()
			}
			write(1)
			for range 2 {
				must(t, kafka.DeleteTopics(t.Context(), cfg, deps, both...))
				must(t, kafka.EnsureTopics(t.Context(), cfg, deps, topics.Catalogue()))
				time.Sleep(pause)
				write(5)
				for _, topic := range both {
					end, err := reader.EndOffset(t.Context(), kafka.TP{Topic: topic})
					if err != nil || end != 5 {
						t.Errorf("after %v: %s holds %d records, want 5 (%v)", pause, topic, end, err)
					}
				}
			}
		})
	}
}

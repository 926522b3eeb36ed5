package partition

import (
	"errors"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/alarm"
)

// TestAControlTopicThatIsMadeAnewAfterTheTakeover ends the term, whatever the tail reads: a
// tail that first hears of the topic after that reads the new one, and its records before the
// position would be skipped.
func TestAControlTopicThatIsMadeAnewAfterTheTakeover(t *testing.T) {
	t.Parallel()
	names := map[string]func(schemas.Topics) string{"reports": schemas.Topics.Reports, "commands": schemas.Topics.Commands, "imports": schemas.Topics.Imports}
	for name, topic := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := kafkatest.Start(t)
			reader, err := kafka.OpenReader(cfg, kafkatest.Deps())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(reader.Close)
			clock, err := alarm.NewClock()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := clock.Close(); err != nil {
					t.Error(err)
				}
			})
			o := New(0, Config{Kafka: cfg, Tick: time.Second}, Deps{Kafka: kafkatest.Deps(), Reader: reader, Clock: clock, Log: telemetry.Discard().Logger})
			taken := &term{Owner: o}
			if err := taken.load(t.Context()); err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			if err := taken.compareControl(t.Context(), now); err != nil {
				t.Errorf("nothing was made anew, and the term ends: %v", err)
			}
			if err := kafka.DeleteTopics(t.Context(), cfg, kafkatest.Deps(), topic(o.topics)); err != nil {
				t.Fatal(err)
			}
			if err := kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), o.topics.Catalogue()); err != nil {
				t.Fatal(err)
			}
			if err := taken.compareControl(t.Context(), now.Add(controlEvery*time.Second)); !errors.Is(err, errOtherTopic) {
				t.Errorf("%s was made anew: %v, want that the term ends", name, err)
			}
		})
	}
}

package kafka_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
)

func TestTruncateAndCommitted(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
	defer p.Close()
	for _, value := range []string{"a", "b", "c"} {
		must(t, p.Produce(t.Context(), record(cfg, 0, value)))
	}
	tp := kafka.TP{Topic: topic(cfg), Partition: 0}
	must(t, kafka.Truncate(t.Context(), cfg, kafkatest.Deps(), map[kafka.TP]int64{tp: 2}))
	reader := open[*kafka.Reader](t)(kafka.OpenReader(cfg, kafkatest.Deps()))
	defer reader.Close()
	if start, err := reader.StartOffset(t.Context(), tp); err != nil || start != 2 {
		t.Errorf("the log starts at %d, %v, want 2", start, err)
	}
	if got := values(t, cfg); len(got) != 1 || got[0] != "c" {
		t.Errorf("the log holds %v, want what was not deleted", got)
	}
	if err := kafka.Truncate(t.Context(), cfg, kafkatest.Deps(), map[kafka.TP]int64{{Topic: cfg.Prefix + "none"}: 1}); err == nil {
		t.Error("deleting records of a topic that does not exist succeeded")
	}
	// A broker that has just started has no coordinator yet.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		got, err := kafka.Committed(t.Context(), cfg, kafkatest.Deps(), "nobody")
		if errors.Is(err, kerr.CoordinatorNotAvailable) && time.Now().Before(deadline) {
			continue
		}
		if err != nil || len(got) > 0 {
			t.Errorf("a group that never was has committed %v, %v", got, err)
		}
		return
	}
}

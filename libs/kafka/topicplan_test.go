package kafka_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

func TestPlanAndApplyTopics(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topics := schemas.NewTopics(cfg.Prefix)
	plan := func(cfg kafka.Config, specs []schemas.TopicSpec) []kafka.TopicChange {
		t.Helper()
		changes, err := kafka.PlanTopics(t.Context(), cfg, kafkatest.Deps(), specs)
		must(t, err)
		return changes
	}
	if changes := plan(cfg, topics.Catalogue()); len(changes) > 0 {
		t.Errorf("topics just made differ from the catalogue: %v", changes)
	}

	specs := []schemas.TopicSpec{
		{Name: topics.Rows("new"), Partitions: 3, Retention: time.Hour},
		{Name: topics.State(), Partitions: schemas.ControlPartitions + 2, Compact: true},
		{Name: topics.Reports(), Partitions: schemas.ControlPartitions, Retention: time.Hour},
	}
	cfg.ReplicationFactor, cfg.MinInsyncReplicas = 1, 1
	want := []kafka.TopicChange{
		{Topic: topics.Rows("new"), What: kafka.ChangeCreate, Want: "3 partitions"},
		{
			Topic: topics.State(), What: kafka.ChangePartitions, Have: "4", Want: "6",
			Refused: "the keys of what is in the topic would move; drain and delete it first",
		},
		{Topic: topics.Reports(), What: "retention.ms", Have: "2592000000", Want: "3600000"},
	}
	if diff := cmp.Diff(want, plan(cfg, specs)); diff != "" {
		t.Errorf("plan mismatch (-want +got):\n%s", diff)
	}
	applied, err := kafka.ApplyTopics(t.Context(), cfg, kafkatest.Deps(), specs)
	must(t, err)
	if diff := cmp.Diff(want, applied); diff != "" {
		t.Errorf("applied mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[1:2], plan(cfg, specs)); diff != "" {
		t.Errorf("what is left mismatch (-want +got):\n%s", diff)
	}
}

// TestPlanAndApplySegments: topics that a version before made with the brokers'
// segments get those of a compacted topic.
func TestPlanAndApplySegments(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topics := schemas.NewTopics(cfg.Prefix)
	fold := func(bytes int64, age time.Duration) []schemas.TopicSpec {
		return []schemas.TopicSpec{{Name: topics.Fold(), Partitions: schemas.ControlPartitions, Compact: true, SegmentBytes: bytes, SegmentAge: age}}
	}
	for _, c := range []struct {
		name  string
		specs []schemas.TopicSpec
		limit config.Bytes // kafka.maxMessageBytes
		want  []kafka.TopicChange
	}{
		{"as it was made", fold(schemas.CompactedSegmentBytes, schemas.CompactedSegmentAge), 1_000_000, nil},
		{"others than it has", fold(1<<30, 7*24*time.Hour), 1_000_000, []kafka.TopicChange{
			{Topic: topics.Fold(), What: "segment.bytes", Have: "67108864", Want: "1073741824"},
			{Topic: topics.Fold(), What: "segment.ms", Have: "21600000", Want: "604800000"},
		}},
		{"left to the brokers", fold(0, 0), 1_000_000, nil},
		{"the catalogue's", fold(schemas.CompactedSegmentBytes, schemas.CompactedSegmentAge), 1_000_000, []kafka.TopicChange{
			{Topic: topics.Fold(), What: "segment.bytes", Have: "1073741824", Want: "67108864"},
			{Topic: topics.Fold(), What: "segment.ms", Have: "604800000", Want: "21600000"},
		}},
		{"a record that fits no segment", fold(schemas.CompactedSegmentBytes, schemas.CompactedSegmentAge), 100 << 20, []kafka.TopicChange{
			{Topic: topics.Fold(), What: "segment.bytes", Have: "67108864", Want: "209715200"},
		}},
	} {
		cfg.MaxMessageBytes = c.limit
		applied, err := kafka.ApplyTopics(t.Context(), cfg, kafkatest.Deps(), c.specs)
		must(t, err)
		if diff := cmp.Diff(c.want, applied); diff != "" {
			t.Errorf("%s: applied mismatch (-want +got):\n%s", c.name, diff)
		}
		// Another broker than the one that took the change may not know it yet.
		var left []kafka.TopicChange
		for until := time.Now().Add(15 * time.Second); ; {
			left, err = kafka.PlanTopics(t.Context(), cfg, kafkatest.Deps(), c.specs)
			must(t, err)
			if len(left) == 0 || time.Now().After(until) {
				break
			}
		}
		if len(left) > 0 {
			t.Errorf("%s: after it was applied there are %v left", c.name, left)
		}
	}
}

func TestMissingTopicsAreNamed(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	cfg.CreateTopics = false
	specs := schemas.NewTopics(cfg.Prefix).ImportTopics("new", schemas.TopicSettings{})
	err := kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), specs)
	want := "topics are missing: " + cfg.Prefix + "rows.new.v1, " + cfg.Prefix + "records.new.v1; make them with `tapline topics apply`, for a new import with -f and its definition, or set kafka.createTopics"
	if !errors.Is(err, kafka.ErrMissingTopics) || err.Error() != want {
		t.Errorf("EnsureTopics() error = %v, want %s", err, want)
	}
	names, err := kafka.Topics(t.Context(), cfg, kafkatest.Deps())
	must(t, err)
	if len(names) != len(schemas.NewTopics(cfg.Prefix).Catalogue()) {
		t.Errorf("there are %v, want the catalogue's alone", names)
	}
}

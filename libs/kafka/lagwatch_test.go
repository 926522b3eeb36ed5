package kafka_test

import (
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// The lag is what the group has not committed, its age that of the oldest such record:
// known at once also by a watch that has only just begun, and 0 once all is committed
// although the marker of a transaction comes after the last record.
func TestLagWatch(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	reader, err := kafka.OpenReader(cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	tx, err := kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "writer")
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	tp := kafka.TP{Topic: schemas.NewTopics(cfg.Prefix).Audit(), Partition: 0}
	written := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	if err := tx.Begin(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		tx.Produce(&kafka.Record{Topic: tp.Topic, Value: []byte("x"), Timestamp: written.Add(time.Duration(i) * time.Minute)})
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	group, err := kafka.OpenGroup(cfg, kafkatest.Deps(), kafka.GroupConfig{Group: "stage", Topics: []string{tp.Topic}})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	for polled := 0; polled < 3; {
		records, err := group.Poll(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		polled += len(records)
	}
	watch := func() kafka.Lag {
		t.Helper()
		w := kafka.NewLagWatch(reader, "stage")
		w.Join(group)
		if err := w.Measure(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		lag, owned := w.Lags()[tp]
		if !owned {
			t.Fatalf("the member owns %v", group.Owned())
		}
		return lag
	}
	if lag := watch(); lag.Records != 4 || !lag.Oldest.Equal(written) {
		t.Errorf("nothing committed: %+v, want 4 offsets since %v", lag, written)
	}
	commit := func(offset int64) {
		t.Helper()
		if refused, err := group.Commit(t.Context(), map[kafka.TP]kafka.Commit{tp: {Offset: offset}}); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
	}
	commit(2)
	if lag := watch(); lag.Records != 2 || !lag.Oldest.Equal(written.Add(2*time.Minute)) {
		t.Errorf("two committed: %+v", lag)
	}
	commit(3)
	if lag := watch(); lag != (kafka.Lag{}) {
		t.Errorf("all committed: %+v, want no lag", lag)
	}
}

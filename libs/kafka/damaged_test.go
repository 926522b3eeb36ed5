package kafka_test

import (
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestTableBesideADamagedBatch: a batch of one partition cannot be read. What the others
// hold, and what is written to them later, is known; nothing behind the damage is, until
// the batch can be read.
func TestTableBesideADamagedBatch(t *testing.T) {
	t.Parallel()
	const mark = "a-value-on-a-bad-sector"
	cfg := kafkatest.Start(t)
	topic := schemas.NewTopics(cfg.Prefix).State()
	producer, err := kafka.OpenProducer(cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	write := func(partition int32, key, value string) {
		t.Helper()
		if err := producer.Produce(t.Context(), &kafka.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	write(0, "before", "1")
	write(0, "damaged", mark)
	write(0, "behind", "1")
	write(1, "other", "1")

	network, deps := kafkatest.NewDamaged(mark), kafkatest.Deps()
	deps.Dial = network.Dial
	table, err := kafka.OpenTable(cfg, deps, kafka.TableConfig[string]{Topic: topic, Decode: func(_ string, value []byte) (string, error) { return string(value), nil }})
	if err != nil {
		t.Fatal(err)
	}
	runTable(t, table)
	has := func(key, want string) bool {
		got, _, _ := table.Get(key)
		return got == want
	}
	await(t, "what is beside the damage", func() bool { return has("other", "1") && has("before", "1") && network.Met() > 0 })
	write(1, "other", "2")
	await(t, "what is written beside the damage", func() bool { return has("other", "2") && network.Met() > 1 })
	if has("behind", "1") {
		t.Error("what stands behind the damage was read")
	}
	network.Repair()
	await(t, "what is behind the damage", func() bool { return has("behind", "1") && has("damaged", mark) })
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

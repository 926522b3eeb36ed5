package scheduler_test

import (
	"bytes"
	"flag"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

var takeoverBytes = flag.Int64("takeover.bytes", 16<<20, "how many bytes of folds log cleaning has not compacted in TestTakeoverOfUncompactedFolds")

// TestTakeoverOfUncompactedFolds: log cleaning has not reached the folds of a
// partition, and a scheduler takes it over. It starts the next run once it has read
// them; docs/operations.md says how long that takes for a GiB.
func TestTakeoverOfUncompactedFolds(t *testing.T) {
	const size, patience = 100 << 10, 10 * time.Minute
	r := newRig(t)
	stop := r.start()
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	r.finish("customers.1", 1, 2, 0, maximum)
	r.awaitRun("customers.1", schemas.StateSucceeded)
	stop()

	fold := kafka.TP{Topic: r.topics.Fold(), Partition: schemas.ControlPartition("customers")}
	var newest []byte
	if _, err := r.reader.ReadTo(t.Context(), fold, 0, func(rec *kafka.Record) error {
		if string(rec.Key) == "customers.1" && rec.Value != nil {
			newest = rec.Value
		}
		return nil
	}); err != nil || newest == nil {
		t.Fatalf("there is no fold: %v", err)
	}
	older := append(bytes.Clone(newest), bytes.Repeat([]byte(" "), size)...)
	for written := int64(0); written < *takeoverBytes; {
		var batch []*kafka.Record
		for range 64 {
			batch = append(batch, &kafka.Record{Topic: fold.Topic, Partition: fold.Partition, Key: []byte("customers.1"), Value: older})
			written += int64(len(older))
		}
		if err := r.producer.Produce(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
	}
	r.command("customers", schemas.CommandRun, nil)

	began := time.Now()
	r.start()
	for deadline := began.Add(patience); r.run("customers.2").State != schemas.StateExtracting; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the partition is not taken over: %+v", r.run("customers.2"))
		}
	}
	t.Logf("%d MiB of folds: %s", *takeoverBytes>>20, time.Since(began).Round(time.Millisecond))
}

package scheduler_test

import (
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// deleteAt deletes an import as an Import Center with a wrong clock would.
func (r *rig) deleteAt(importName string, at time.Time) {
	r.t.Helper()
	record := control.Tombstone(r.topics.Imports(), importName, importName)
	record.Timestamp = at
	if err := r.producer.Produce(r.t.Context(), record); err != nil {
		r.t.Fatal(err)
	}
}

// Whether the scheduler has handled a deletion is decided by the log, not by clocks.
func TestADeletionCountsOnce(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"by a clock ahead": time.Hour, "by a clock behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			stop := r.start()
			r.apply(definition("customers"))
			r.command("customers", schemas.CommandRun, nil)
			r.awaitRun("customers.1", schemas.StateExtracting)
			r.finish("customers.1", 1, 2, 0, maximum)
			r.awaitRun("customers.1", schemas.StateSucceeded)
			stop()

			r.deleteAt("customers", time.Now().Add(skew))
			r.apply(definition("customers"))
			stop = r.start()
			r.command("customers", schemas.CommandRun, nil)
			r.awaitRun("customers.2", schemas.StateExtracting)
			if s := r.state("customers"); s.Epoch != 2 || s.Watermark != "" || s.Active.Mode != schemas.ModeFull {
				t.Errorf("after the deletion: epoch %d, watermark %q, mode %s; want a new epoch that reads everything", s.Epoch, s.Watermark, s.Active.Mode)
			}
			stop()

			r.start()
			r.finish("customers.2", 1, 2, 10, maximum)
			r.await("the run's end", func() bool { return schemas.Terminal(r.run("customers.2").State) })
			if s := r.state("customers"); s.Epoch != 2 || r.run("customers.2").State != schemas.StateSucceeded {
				t.Errorf("after another takeover: epoch %d, run %s; want the same epoch and success", s.Epoch, r.run("customers.2").State)
			}
		})
	}
}

// TestUnreadableDefinitionIsNoDeletion, also not at a takeover that finds only the
// unreadable record because the topic has been compacted.
func TestUnreadableDefinitionIsNoDeletion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stop := r.start()
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	r.finish("customers.1", 1, 2, 0, maximum)
	r.awaitRun("customers.1", schemas.StateSucceeded)
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.2", schemas.StateExtracting)
	stop()
	unreadable := &kafka.Record{
		Topic: r.topics.Imports(), Partition: schemas.ControlPartition("customers"),
		Key: []byte("customers"), Value: []byte(`{"spec":{"priority":"high"}}`),
	}
	if err := r.producer.Produce(t.Context(), unreadable); err != nil {
		t.Fatal(err)
	}
	// The test deletes what compaction would delete: Apache Kafka compacts only now and then.
	if kafkatest.Real() == "" {
		before := map[kafka.TP]int64{{Topic: unreadable.Topic, Partition: unreadable.Partition}: unreadable.Offset}
		if err := kafka.Truncate(t.Context(), r.cfg.Kafka, kafkatest.Deps(), before); err != nil {
			t.Fatal(err)
		}
	}

	r.start()
	r.finish("customers.2", 1, 2, 10, maximum)
	r.await("the run's end", func() bool { return schemas.Terminal(r.run("customers.2").State) })
	if s := r.state("customers"); r.run("customers.2").State != schemas.StateSucceeded || s.Watermark != moved || s.Ledger == nil || s.Epoch != 1 {
		t.Errorf("run %s, state %+v: nobody deleted the import", r.run("customers.2").State, s)
	}
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.3", schemas.StateExtracting)
	if s := r.state("customers"); s.Active.Mode != schemas.ModeIncremental {
		t.Errorf("with a definition that can be read: mode %s", s.Active.Mode)
	}
}

package scheduler_test

import (
	"testing"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestAwayForLongerThanATombstone: an import is deleted while no scheduler runs, and Kafka
// has removed the record of the deletion before one comes back. Its run is cancelled all
// the same, and an import that was created under its name meanwhile begins clean, also if
// it was edited more often than the one before.
func TestAwayForLongerThanATombstone(t *testing.T) {
	t.Parallel()
	if kafkatest.Real() != "" {
		t.Skip("the test deletes what compaction would delete: Apache Kafka deletes no records of compacted topics on request")
	}
	again := definition("customers")
	again.Generation, again.FirstGeneration = 5, 2
	for name, next := range map[string]*schemas.Definition{"deleted": nil, "deleted and created again": &again} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			stop := r.start()
			r.apply(definition("customers"))
			r.apply(definition("orders"))
			r.command("customers", schemas.CommandRun, nil)
			r.awaitRun("customers.1", schemas.StateExtracting)
			r.finish("customers.1", 1, 2, 0, maximum)
			r.awaitRun("customers.1", schemas.StateSucceeded)
			r.command("customers", schemas.CommandRun, nil)
			r.awaitRun("customers.2", schemas.StateExtracting)
			stop()

			tombstone := control.Tombstone(r.topics.Imports(), "customers", "customers")
			if err := r.producer.Produce(t.Context(), tombstone); err != nil {
				t.Fatal(err)
			}
			gone := map[kafka.TP]int64{{Topic: tombstone.Topic, Partition: tombstone.Partition}: tombstone.Offset + 1}
			if err := kafka.Truncate(t.Context(), r.cfg.Kafka, kafkatest.Deps(), gone); err != nil {
				t.Fatal(err)
			}
			if schemas.ControlPartition("orders") == tombstone.Partition {
				t.Fatal("the other import's definition is gone too")
			}
			if next != nil {
				r.apply(*next)
			}

			r.start()
			r.finish("customers.2", 1, 2, 10, maximum) // its cancel skips nothing that was sent
			r.await("the run's end", func() bool { return schemas.Terminal(r.run("customers.2").State) })
			s := r.state("customers")
			if run := r.run("customers.2"); run.State != schemas.StateCancelled || s.Active != nil || s.Watermark != "" || s.Ledger != nil {
				t.Errorf("run %s, state %+v; want a cancelled run and nothing of the deleted import", run.State, s)
			}
			if next == nil {
				return
			}
			r.command("customers", schemas.CommandRun, nil)
			r.awaitRun("customers.3", schemas.StateExtracting)
			if s := r.state("customers"); s.Epoch != 2 || s.Active.Mode != schemas.ModeFull {
				t.Errorf("the new import: epoch %d, mode %s; want a new epoch that reads everything", s.Epoch, s.Active.Mode)
			}
		})
	}
}

package scheduler_test

import (
	"fmt"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// written counts an import's records in a control topic, readable or not.
func (r *rig) written(topic, importName string) int {
	r.t.Helper()
	n := 0
	_, err := r.reader.ReadTo(r.t.Context(), kafka.TP{Topic: topic, Partition: schemas.ControlPartition(importName)}, 0, func(rec *kafka.Record) error {
		if schemas.ImportOf(string(rec.Key)) == importName {
			n++
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// neighbour is another import of the same control partition.
func neighbour(importName string) string {
	for i := 0; ; i++ {
		if name := fmt.Sprint("neighbour-", i); schemas.ControlPartition(name) == schemas.ControlPartition(importName) {
			return name
		}
	}
}

// TestUnreadableRecordStopsOneImport: an import whose state or counts cannot be read is not
// changed, and the others of its control partition continue.
func TestUnreadableRecordStopsOneImport(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"a state": "customers", "a fold": "customers.1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			topic := r.topics.State()
			if name == "a fold" {
				topic = r.topics.Fold()
			}
			other := neighbour("customers")
			stop := r.start()
			r.apply(definition("customers"))
			r.apply(definition(other))
			r.command("customers", schemas.CommandRun, nil)
			r.awaitRun("customers.1", schemas.StateExtracting)
			stop()
			unreadable := &kafka.Record{Topic: topic, Partition: schemas.ControlPartition("customers"), Key: []byte(key), Value: []byte(`{"import":7}`)}
			if err := r.producer.Produce(t.Context(), unreadable); err != nil {
				t.Fatal(err)
			}
			states, folds, events := r.written(r.topics.State(), "customers"), r.written(r.topics.Fold(), "customers"), r.written(r.topics.Runs(), "customers")

			stop = r.start()
			r.finish("customers.1", 1, 2, 0, maximum)
			r.command("customers", schemas.CommandRun, nil)
			r.command("customers", schemas.CommandCancel, nil)
			r.apply(definition("customers"))
			r.command(other, schemas.CommandRun, nil)
			r.awaitRun(other+".1", schemas.StateExtracting)
			stop()
			r.start()
			r.finish(other+".1", 1, 2, 0, maximum)
			r.awaitRun(other+".1", schemas.StateSucceeded)
			if s, f, e := r.written(r.topics.State(), "customers"), r.written(r.topics.Fold(), "customers"), r.written(r.topics.Runs(), "customers"); s != states || f != folds || e != events {
				t.Errorf("%d states, %d folds and %d events were written for an import that cannot be read", s-states, f-folds, e-events)
			}
			if n := len(r.triggers("customers")); n != 1 {
				t.Errorf("an import that cannot be read was triggered %d times, want once, from before", n)
			}
		})
	}
}

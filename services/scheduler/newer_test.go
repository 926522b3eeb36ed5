package scheduler_test

import (
	"encoding/json"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// newest is the newest record of a key as JSON, before any type has read it.
func (r *rig) newest(topic string, partition int32, key string) map[string]any {
	r.t.Helper()
	var out map[string]any
	_, err := r.reader.ReadTo(r.t.Context(), kafka.TP{Topic: topic, Partition: partition}, 0, func(rec *kafka.Record) error {
		if string(rec.Key) != key || rec.Value == nil {
			return nil
		}
		out = map[string]any{}
		return json.Unmarshal(rec.Value, &out)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// rewriteNewest writes the newest record of a key once more, as a newer service would.
func (r *rig) rewriteNewest(topic string, partition int32, key string, edit func(record map[string]any)) {
	r.t.Helper()
	record := r.newest(topic, partition, key)
	edit(record)
	text, err := json.Marshal(record)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.producer.Produce(r.t.Context(), &kafka.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: text}); err != nil {
		r.t.Fatal(err)
	}
}

// pick follows a path through JSON.
func pick(value any, path ...string) any {
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// TestASchedulerKeepsWhatItDoesNotKnow: a newer scheduler and a newer Import Center have
// written fields that this one does not know. It rewrites the records and erases none of
// them; what a definition says reaches the services that read the trigger.
func TestASchedulerKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := schemas.ControlPartition("customers")
	stop := r.start()
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	stop()
	mark := map[string]any{"deep": []any{"x", 1.5}}
	r.rewriteNewest(r.topics.State(), p, "customers", func(s map[string]any) {
		s["newer"] = mark
		pick(s, "active").(map[string]any)["newerOfTheRun"] = mark
	})
	r.rewriteNewest(r.topics.Fold(), p, "customers.1", func(f map[string]any) {
		f["newer"] = mark
		for _, partition := range f["partitions"].([]any) {
			partition.(map[string]any)["newer"] = mark
		}
	})
	r.rewriteNewest(r.topics.Fold(), p, schemas.PositionKey(p), func(x map[string]any) { x["newer"] = mark })
	stop = r.start()
	r.report("customers.1", 1, func(x *schemas.Report) {
		x.Chunk = &schemas.Extraction{Chunks: 1, Read: 2, Extracted: 2, ByPartition: []int64{1, 1}}
	})
	r.awaitTaken("customers")
	want := func(what string, got any, there bool) {
		t.Helper()
		text, _ := json.Marshal(got)
		if (string(text) == `{"deep":["x",1.5]}`) != there {
			t.Errorf("%s: %s", what, text)
		}
	}
	fold := r.newest(r.topics.Fold(), p, "customers.1")
	want("a fold", fold["newer"], true)
	want("a partition of a fold", pick(fold["partitions"].([]any)[1], "newer"), true)
	want("a position", r.newest(r.topics.Fold(), p, schemas.PositionKey(p))["newer"], true)
	if chunks := pick(fold, "attempts", "1", "read"); chunks != 2.0 {
		t.Fatalf("the fold was not rewritten: %v", chunks)
	}

	def := definition("customers")
	def.Generation, def.AppliedAt = 2, time.Now().UTC()
	text, err := json.Marshal(def)
	if err != nil {
		t.Fatal(err)
	}
	var newer map[string]any
	if err := json.Unmarshal(text, &newer); err != nil {
		t.Fatal(err)
	}
	pick(newer, "spec").(map[string]any)["newer"] = mark
	pick(newer, "spec", "source").(map[string]any)["newer"] = mark
	r.produce(r.topics.Imports(), "customers", newer)
	r.finish("customers.1", 1, 2, 0, maximum)
	r.awaitRun("customers.1", schemas.StateSucceeded)
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.2", schemas.StateExtracting)
	state, trigger := r.newest(r.topics.State(), p, "customers"), r.newest(r.topics.Triggers(), p, "customers")
	want("a state", state["newer"], true)
	want("the next run, of what was said of the one before", pick(state, "active", "newerOfTheRun"), false)
	want("the definition of the run", pick(state, "active", "spec", "newer"), true)
	want("the source of the run", pick(state, "active", "spec", "source", "newer"), true)
	want("the definition in the trigger", pick(trigger, "spec", "newer"), true)
	want("the source in the trigger", pick(trigger, "spec", "source", "newer"), true)
	stop()

	// Another attempt of the run by another scheduler: the definition is in the state.
	r.rewriteNewest(r.topics.Imports(), p, "customers", func(d map[string]any) { d["generation"] = 3; delete(pick(d, "spec").(map[string]any), "newer") })
	r.start()
	r.report("customers.2", 1, func(x *schemas.Report) { x.Abandoned = &schemas.Abandoned{Code: "snowflake_unavailable"} })
	r.await("the next attempt", func() bool {
		trigger = r.newest(r.topics.Triggers(), p, "customers")
		return pick(trigger, "attempt") == 2.0
	})
	want("the definition in the trigger of the next attempt", pick(trigger, "spec", "newer"), true)
}

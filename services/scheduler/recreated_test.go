package scheduler_test

import (
	"context"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// recreate deletes topics and makes them again, as a person does by hand.
func (r *rig) recreate(specs ...schemas.TopicSpec) {
	r.t.Helper()
	for _, spec := range specs {
		if err := kafka.DeleteTopics(context.Background(), r.cfg.Kafka, kafkatest.Deps(), spec.Name); err != nil {
			r.t.Fatal(err)
		}
	}
	reader, err := kafka.OpenReader(r.cfg.Kafka, kafkatest.Deps())
	if err != nil {
		r.t.Fatal(err)
	}
	defer reader.Close()
	r.await("the topics are there again, and empty", func() bool {
		// A broker that has not heard of the deletion yet says that the topic is there.
		if kafka.EnsureTopics(context.Background(), r.cfg.Kafka, kafkatest.Deps(), specs) != nil {
			return false
		}
		for _, spec := range specs {
			for p := range spec.Partitions {
				if end, err := reader.EndOffset(context.Background(), kafka.TP{Topic: spec.Name, Partition: int32(p)}); err != nil || end > 0 {
					return false
				}
			}
		}
		return true
	})
	producer, err := kafka.OpenProducer(r.cfg.Kafka, kafkatest.Deps()) // one that knows the new topics
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(producer.Close)
	r.producer = producer
}

func (r *rig) specOf(name string) schemas.TopicSpec {
	for _, spec := range r.topics.Catalogue() {
		if spec.Name == name {
			return spec
		}
	}
	r.t.Fatalf("no topic %s", name)
	return schemas.TopicSpec{}
}

// TestARecreatedControlTopicIsReadFromItsStart, whether the scheduler runs or is stopped
// when the topic is deleted and created again.
func TestARecreatedControlTopicIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	topics := map[string]func(schemas.Topics) string{"reports": schemas.Topics.Reports, "commands": schemas.Topics.Commands}
	for name, topic := range topics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			stop := r.start()
			r.apply(definition("customers"))
			for n := 1; n <= 3; n++ {
				r.command("customers", schemas.CommandRun, nil)
				run := schemas.RunID("customers", n)
				r.awaitRun(run, schemas.StateExtracting)
				r.finish(run, 1, 4, int64(n)*10, maximum)
				r.awaitRun(run, schemas.StateSucceeded)
			}
			r.awaitTaken("customers")
			stop()
			r.recreate(r.specOf(topic(r.topics)))
			r.start()
			r.command("customers", schemas.CommandRun, nil)
			r.awaitRun("customers.4", schemas.StateExtracting)
			r.finish("customers.4", 1, 4, 100, maximum)
			r.awaitRun("customers.4", schemas.StateSucceeded)
		})
	}
}

// TestARecreatedTopicEndsItsRun: the rows or records of the deleted topic are lost.
func TestARecreatedTopicEndsItsRun(t *testing.T) {
	t.Parallel()
	for name, which := range map[string]int{"rows": 0, "records": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			def := definition("customers")
			specs := r.topics.ImportTopics("customers", def.Spec.Topic)
			if err := kafka.EnsureTopics(t.Context(), r.cfg.Kafka, kafkatest.Deps(), specs); err != nil {
				t.Fatal(err)
			}
			r.start()
			r.apply(def)
			r.command("customers", schemas.CommandRun, nil)
			r.awaitRun("customers.1", schemas.StateExtracting)
			r.await("the ids of its topics", func() bool {
				a := r.state("customers").Active
				return a != nil && a.RowsTopic != "" && a.RecordsTopic != ""
			})
			r.recreate(specs[which])
			began := time.Now()
			if got := r.awaitRun("customers.1", schemas.StateFailed); got.Error.Code != "topic_recreated" {
				t.Errorf("after %s the run ended with %+v", time.Since(began), got.Error)
			}
			if r.state("customers").Watermark != "" {
				t.Error("the watermark has moved")
			}
		})
	}
}

package extractor

import (
	"fmt"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestAReplayAfterTheRejectsTopicWasMadeAnew: rejects that have the offsets of those which
// an earlier replay took from the deleted topic are taken, whether that replay succeeded, was
// cancelled, or is an earlier attempt of the same run.
func TestAReplayAfterTheRejectsTopicWasMadeAnew(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"succeeded", "cancelled", "an attempt"} {
		t.Run(fmt.Sprint("after one that is ", before), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(6)...)
			s := w.start()
			w.next(1, events)
			w.extract(s)
			w.refuse(schemas.StageMap, "date_format", nil, 1, 2, 3)
			w.next(2, func(a *schemas.ActiveRun) { events(a); a.Mode = schemas.ModeFull })
			w.extract(s)
			second := *w.state.Active
			w.replaying(3, events, schemas.ReplayMapped, schemas.RejectSelection{})
			w.extract(s)
			replay := *w.state.Active
			w.load(w.mapRows(nil), 1, 2)
			w.recreateRejects()
			// A record of the replay is rejected with the offset of the deleted topic.
			w.refuse(schemas.StageLoad, "clevertap_512", nil, 3)
			w.state.Active = &second
			w.refuse(schemas.StageMap, "date_format", nil, 4, 5, 6)
			want := w.allRejects()
			switch before {
			case "an attempt":
				replay.Attempt = 2
				w.state.Active = &replay
				w.write()
				want = want[1:] // its own run has rejected this one
			case "cancelled":
				w.state.Replays = []schemas.InterruptedRun{{Number: 3, Attempts: 1, StartedAt: replay.StartedAt, RecordsTopic: w.recordsTopic(), Loaded: 2}}
				fallthrough
			default:
				w.replaying(4, events, schemas.ReplayMapped, schemas.RejectSelection{})
			}
			w.extract(s)
			w.wantTaken("the replay", want)
		})
	}
}

// TestReplaysAroundARejectsTopicMadeAnew: two replays did not succeed, and the topic was made
// anew between them. What the first has loaded or rejected had the offsets of what the second
// has rejected again, which is not taken another time.
func TestReplaysAroundARejectsTopicMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(6)...)
	s := w.start()
	w.next(1, events)
	w.extract(s)
	run := *w.state.Active
	w.refuse(schemas.StageMap, "date_format", nil, 1, 2, 3)
	cancelled := func(n int, loaded ...int64) schemas.ActiveRun {
		w.replaying(n, events, schemas.ReplayMapped, schemas.RejectSelection{})
		w.extract(s)
		w.load(w.mapRows(nil), loaded...)
		a := *w.state.Active
		w.state.Replays = append(w.state.Replays, schemas.InterruptedRun{
			Number: n, Attempts: 1, StartedAt: a.StartedAt, RecordsTopic: w.recordsTopic(), Loaded: int64(len(loaded)),
		})
		return a
	}
	first := cancelled(2, 1, 2)
	w.recreateRejects()
	w.state.Active = &run
	w.refuse(schemas.StageMap, "date_format", nil, 4, 5, 6)
	cancelled(3)
	want := w.refuse(schemas.StageLoad, "clevertap_512", nil, 1, 2, 3)
	w.state.Active = &first // its last record comes late
	want = append(want, w.refuse(schemas.StageLoad, "clevertap_512", nil, 3)...)
	w.replaying(4, events, schemas.ReplayMapped, schemas.RejectSelection{})
	w.extract(s)
	w.wantTaken("the third replay", want)
}

// recreateRejects deletes the rejects topic and creates it again, empty.
func (w *world) recreateRejects() {
	w.t.Helper()
	topic := w.topics.Rejects()
	if err := kafka.DeleteTopics(w.t.Context(), w.cfg.Kafka, kafkatest.Deps(), topic); err != nil {
		w.t.Fatal(err)
	}
	if err := kafka.EnsureTopics(w.t.Context(), w.cfg.Kafka, kafkatest.Deps(), w.topics.Catalogue()); err != nil {
		w.t.Fatal(err)
	}
	producer, err := kafka.OpenProducer(w.cfg.Kafka, kafkatest.Deps()) // a client that knows the new topic
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(producer.Close)
	w.producer = producer
}

// allRejects names all rejects that the topic holds.
func (w *world) allRejects() (refs []schemas.RejectRef) {
	w.t.Helper()
	p := schemas.ControlPartition(importName)
	w.read(w.topics.Rejects(), p, func(r *kafka.Record) {
		refs = append(refs, schemas.RejectRef{Partition: p, Offset: r.Offset})
	})
	return refs
}

package loader

import (
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/lane"
)

// The partition count changes by deleting the drained topics, and applying creates
// them again: their offsets begin again.
func TestARecreatedTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100})
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(300, 1), 100)
	w.start()
	w.settled("customers", 300)
	w.await("the offsets to be committed", 5*time.Second, func() bool { return w.committed("customers", 1)[0] >= 300 })
	if err := kafka.DeleteTopics(t.Context(), w.kafka, w.deps, w.topics.Records("customers")); err != nil {
		t.Fatal(err)
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.state("customers", 2, 1, schemas.ImportSpec{}, nil)
	again := rows(200, 1)
	for i := range again {
		again[i].run = "2.1"
	}
	w.load("customers", again, 100)
	w.await("the new records to be applied", 30*time.Second, func() bool { return len(w.cleverTap.got()) >= 500 })
}

// The committed offset is of a topic that was deleted: every record of the topic that
// has its name now is sent.
func TestAnOffsetOfADeletedTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 10})
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.commit("customers", kafka.Commit{Offset: 50, Metadata: `topic=deleted {"reports":0,"prev":49}`})
	w.load("customers", rows(100, 1), 100)
	w.start()
	w.want(w.settled("customers", 100), map[string]int{"loaded": 100})
}

// The offsets of a deleted topic cannot be committed, those of others are.
func TestADeletedTopicHoldsUpNoOtherImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 1})
	hang := make(chan struct{})
	w.cleverTap.decide = func(_ int, records []sent) answer {
		if records[0].Identity == "last" {
			return answer{wait: hang}
		}
		return answer{}
	}
	w.tune = func(c *Config) { c.RequestTimeout = 10 * time.Second }
	w.importOf("gone", 1, schemas.ImportSpec{})
	w.importOf("orders", 1, schemas.ImportSpec{})
	w.load("gone", []row{{identity: "last"}}, 1)
	w.start()
	w.await("the request in flight", 10*time.Second, func() bool { n, _ := w.cleverTap.stats(); return n == 1 })
	if err := kafka.DeleteTopics(t.Context(), w.kafka, w.deps, w.topics.Records("gone")); err != nil {
		t.Fatal(err)
	}
	close(hang)
	w.settled("gone", 1)
	n := 4 * lane.MaxOpen // more uploads than may go without a commit
	w.load("orders", rows(n, 1), n)
	w.want(w.settled("orders", n), map[string]int{"loaded": n})
}

// The reports topic is deleted and created again, which leaves the commit metadata of the
// committed offsets behind its end. What is reported there still counts: an event
// that is to be held when it may have been applied is not sent again.
func TestARecreatedReportsTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kafka.SessionTimeout = 3 * time.Second
	w.tune = func(c *Config) { c.RequestTimeout = 2 * time.Second }
	hang := make(chan struct{})
	w.cleverTap.decide = func(_ int, records []sent) answer {
		select {
		case <-hang:
			return answer{}
		default:
		}
		if records[0].Identity == "late" {
			return answer{wait: hang}
		}
		return answer{}
	}
	spec := schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent, OnAmbiguous: "hold"}}
	w.importOf("purchases", 1, spec)
	w.load("purchases", rows(50, 1), 1)
	first := w.start()
	w.settled("purchases", 50)
	first.drain()
	if err := kafka.DeleteTopics(t.Context(), w.kafka, w.deps, w.topics.Reports()); err != nil {
		t.Fatal(err)
	}
	w.await("the topic to be created again", 20*time.Second, func() bool {
		return kafka.EnsureTopics(t.Context(), w.kafka, w.deps, w.topics.Catalogue()) == nil
	})
	w.load("purchases", []row{{identity: "late"}}, 1)
	second := w.start()
	w.await("the request", 20*time.Second, func() bool {
		w.cleverTap.mu.Lock()
		defer w.cleverTap.mu.Unlock()
		return w.cleverTap.inFlight == 1
	})
	second.cables.kill()
	close(hang) // it arrives, and no loader reads the answer
	w.start()
	w.await("the event's reject", 40*time.Second, func() bool { return len(w.rejects("purchases")) > 0 })
	n := 0
	for _, s := range w.cleverTap.got() {
		if s.Identity == "late" {
			n++
		}
	}
	if n != 1 || w.rejects("purchases")[0].Code != "ambiguous" {
		t.Errorf("the event arrived %d times, its reject is %+v", n, w.rejects("purchases")[0])
	}
}

package loader

import (
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/lane"
)

// The partition count changes by deleting the drained topics, and applying makes
// them anew: their offsets begin again.
func TestATopicThatIsMadeAnew(t *testing.T) {
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

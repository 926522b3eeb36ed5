package loader

import (
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
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

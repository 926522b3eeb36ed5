package mapper

import (
	"fmt"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
)

// TestParallel: a mapper with several members of the group shares an import's partitions
// out among them, each with a transactional id of its own, and each row is mapped once.
func TestParallel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parallel := func(c *Config) { c.Parallel, c.Instance, c.BatchRows = 3, "mapper-0", 7 }
	stop := w.start(parallel)
	shared := func() bool {
		members, settled, err := kafka.Members(t.Context(), w.cfg.Kafka, kafkatest.Deps(), Group)
		if err != nil || !settled || len(members) != 3 {
			return false
		}
		for _, m := range members {
			rows := 0
			for _, tp := range m.Partitions {
				if tp.Topic == w.topics.Rows("customers") {
					rows++
				}
			}
			if rows != 1 {
				return false
			}
		}
		return true
	}
	for end := time.Now().Add(30 * time.Second); !shared(); time.Sleep(20 * time.Millisecond) { // between looks
		if time.Now().After(end) {
			t.Fatal("the three partitions are not with three members after 30 s")
		}
	}
	for i := range 300 {
		w.produce(w.row(fmt.Sprintf("3.2.%d", i+1), int32(i%3), fmt.Sprintf(`{"ID":%d,"EMAIL":"a@example.com","SINCE":null}`, i+1)))
	}
	got := w.await()
	stop()
	if got.Mapped != 300 || got.Records != 300 {
		t.Errorf("outcome %+v, want 300 rows and records", got)
	}
}

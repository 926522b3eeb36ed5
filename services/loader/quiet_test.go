package loader

import (
	"fmt"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/lane"
	"tapline.dev/services/loader/internal/recovery"
)

// TestQuietPartitions: a pass looks at the partitions that have something to do and at no
// others, and a record makes a quiet one active again.
func TestQuietPartitions(t *testing.T) {
	t.Parallel()
	const partitions = 300
	w := newWorld(t)
	l := newLoop(w.newMember())
	var all []*partition
	for i := range partitions {
		p := newPartition(kafka.TP{Topic: w.topics.Records(fmt.Sprintf("people%d", i))}, w.topics)
		l.own(p)
		all = append(all, p)
	}
	now := time.Now()
	l.dispatch(now)
	if len(l.active) != partitions {
		t.Errorf("%d partitions are active before their takeover, want all %d", len(l.active), partitions)
	}
	for _, p := range all {
		p.lane.Recover(0, recovery.CommitMetadata{Prev: -1}, recovery.New(p.importName, 0, 0), true, now)
	}
	l.dispatch(now)
	if len(l.active) != 0 {
		t.Errorf("%d partitions are active although nothing is in them", len(l.active))
	}
	l.commitIfDue(now)
	if again := l.commitIfDue(now); again.Before(now.Add(time.Second)) {
		t.Errorf("the next commit of quiet partitions is looked for after %v", again.Sub(now))
	}
	record := &kafka.Record{Topic: all[7].tp.Topic, Key: []byte("a"), Value: []byte("{}"), Headers: []kafka.Header{{Key: schemas.HeaderID, Value: []byte("1.1.1")}}}
	l.fetched([]lane.Item{lane.Read(l.seed, record)}, now)
	l.dispatch(now)
	if _, active := l.active[all[7]]; !active || len(l.active) != 1 {
		t.Errorf("after a record of one partition %d are active, and it is: %v", len(l.active), active)
	}
}

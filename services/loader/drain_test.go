package loader

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// A request that began while its partition drains would hold up the drain, and
// end the partition's activity a second time.
func TestADrainingPartitionBeginsNoRequest(t *testing.T) {
	t.Parallel()
	now := time.Now()
	draining, staying := &part{draining: true}, &part{}
	a := &account{waiting: []*upload{{part: draining, notBefore: now}, {part: staying, notBefore: now.Add(time.Second)}}}
	if u, again := a.due(now); u != nil || !again.Equal(now.Add(time.Second)) {
		t.Errorf("due() = %v, %v; want none before the other partition's", u, again.Sub(now))
	}
	if u, _ := a.due(now.Add(time.Second)); u == nil || u.part != staying {
		t.Errorf("due() = %v a second later, want the other partition's", u)
	}
	if left := a.take(draining); len(left) != 1 {
		t.Errorf("%d uploads are left to be put down, want 1", len(left))
	}
}

// A request that CleverTap refused whole was not applied, nor were the parts of
// it that were still to be sent when the loader ended.
func TestWhatWasRefusedWholeIsNotAmbiguousToASuccessor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kafka.SessionTimeout = 3 * time.Second
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100})
	w.cleverTap.decide = func(n int, _ []sent) answer {
		switch n {
		case 1:
			return answer{status: 400, skip: true, body: `{}`}
		case 2:
			return answer{status: 429, skip: true, body: `{}`}
		}
		return answer{}
	}
	w.tune = func(c *Config) {
		c.RequestTimeout = 2 * time.Second
		c.BackoffMin, c.BackoffMax = time.Hour, time.Hour
	}
	w.importOf("customers", 1, schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent, OnAmbiguous: "hold"}})
	w.load("customers", rows(100, 1), 100)
	first := w.start()
	w.await("the refused half to be withdrawn", 10*time.Second, func() bool { return w.withdrawn("customers") })
	first.cables.kill()
	w.tune = func(c *Config) { c.RequestTimeout = 2 * time.Second }
	w.start()
	got := w.settled("customers", 100)
	w.want(got, map[string]int{"loaded": 100})
	if got.resent != 0 {
		t.Errorf("resent %d, want 0", got.resent)
	}
}

// withdrawn tells whether an intent of the import was withdrawn.
func (w *world) withdrawn(name string) (found bool) {
	w.t.Helper()
	tp := kafka.TP{Topic: w.topics.Reports(), Partition: schemas.ControlPartition(name)}
	_, err := w.reader.ReadTo(context.Background(), tp, 0, func(r *kafka.Record) error {
		var report schemas.Report
		if err := json.Unmarshal(r.Value, &report); err != nil {
			return err
		}
		found = found || report.Intent != nil && report.Intent.Withdrawn
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

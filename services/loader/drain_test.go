package loader

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// No request begins while its partition drains: it would delay the drain and end the
// partition's activity a second time.
func TestADrainingPartitionBeginsNoRequest(t *testing.T) {
	t.Parallel()
	now := time.Now()
	draining, staying := &partition{draining: true}, &partition{}
	d := &destination{waiting: []*upload{{part: draining, notBefore: now}, {part: staying, notBefore: now.Add(time.Second)}}}
	held := func(*upload, time.Time) bool { return false }
	if u, again := d.takeDue(now, held); u != nil || !again.Equal(now.Add(time.Second)) {
		t.Errorf("takeDue() = %v, %v; want none before the other partition's", u, again.Sub(now))
	}
	if u, _ := d.takeDue(now.Add(time.Second), held); u == nil || u.part != staying {
		t.Errorf("takeDue() = %v a second later, want the other partition's", u)
	}
	if left := d.takeFrom(draining); len(left) != 1 {
		t.Errorf("%d uploads of the draining partition are left, want 1", len(left))
	}
}

// slowCleverTap answers its requests once the test releases it.
type slowCleverTap struct {
	letGo chan struct{}

	mu       sync.Mutex
	requests int
}

func (s *slowCleverTap) UploadIf(_ context.Context, records [][]byte, _ bool, allow func() error) (clevertap.Result, error) {
	if err := allow(); err != nil {
		return clevertap.Result{Kind: clevertap.NotSent, Cause: clevertap.CauseRefusedHere, Err: err}, nil
	}
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	<-s.letGo
	return clevertap.Result{Kind: clevertap.Done, Status: 200, Outcomes: make([]clevertap.Outcome, len(records))}, nil
}

func (s *slowCleverTap) Close() {}

func (s *slowCleverTap) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// In a rolling deployment the new loader joins while the old one drains: the
// group revokes partitions that are already draining, and they stay until they have drained.
func TestALoaderThatJoinsWaitsForOneThatStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newVirtualWorld(t)
		w.account(schemas.CleverTapAccountSpec{Endpoint: "http://localhost:1", RecordsPerUpload: 100})
		w.importOf("customers", 6, schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent, OnAmbiguous: "hold"}})
		w.tune = func(c *Config) { c.RequestTimeout, c.DrainTimeout = 14*time.Second, 15*time.Second }
		w.load("customers", rows(600, 6), 600)
		slow := &slowCleverTap{letGo: make(chan struct{})}
		w.prepare = func(s *Service) {
			s.connect = func(clevertap.Account) uploader { return slow }
		}
		first := w.start()
		w.await("six in flight", time.Minute, func() bool { return slow.count() == 6 })
		first.stop()
		w.start()
		time.Sleep(10 * time.Second) // virtual: the heartbeats that tell of the join come every 3s
		close(slow.letGo)
		got := w.settled("customers", 600)
		first.drain()
		w.want(got, map[string]int{"loaded": 600})
		if n := slow.count(); n != 6 || got.resent != 0 {
			t.Errorf("%d requests, %d records resent; want 6 and 0", n, got.resent)
		}
	})
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
			return answer{status: 400, skip: true, body: `{"status":"fail","error":"Malformed request","code":400}`}
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

// withdrawn reports whether an intent of the import was withdrawn.
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

package loader

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

func TestInvariant6AKilledLoaderLosesNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		spec    schemas.ImportSpec
		applied bool // whether the requests in flight at the kill were applied
		want    map[string]int
		resent  int64
		ending  *schemas.Ending
	}{
		{"profiles, applied", schemas.ImportSpec{}, true, map[string]int{"loaded": 500}, 300, nil},
		{"profiles, not applied", schemas.ImportSpec{}, false, map[string]int{"loaded": 500}, 300, nil},
		{"events, resend", schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent}}, true, map[string]int{"loaded": 500}, 300, nil},
		{
			"events, cancelled meanwhile", schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent}}, true, map[string]int{"loaded": 200, schemas.SkipCancelled: 300}, 0,
			&schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled},
		},
		{"events, hold", schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent, OnAmbiguous: "hold"}}, true, map[string]int{"loaded": 200, "ambiguous": 300}, 0, nil},
		{"profiles with operators, hold", schemas.ImportSpec{Mapping: []schemas.Property{{From: "A", To: "a", Op: "add"}}, Destination: schemas.Destination{OnAmbiguous: "hold"}}, true, map[string]int{"loaded": 200, "ambiguous": 300}, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.kafka.SessionTimeout = 3 * time.Second // the successor waits for it
			w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100, Slots: 3})
			hang := make(chan struct{})
			var killed, hanging atomic.Bool
			var inFlight atomic.Int32
			w.cleverTap.decide = func(n int, records []sent) answer {
				if n > 2 && !killed.Load() {
					inFlight.Add(1)
					hanging.Store(true)
					return answer{wait: hang, skip: !tt.applied, lost: true}
				}
				return answer{}
			}
			w.tune = func(c *Config) {
				c.RequestTimeout = 2 * time.Second
				c.CommitInterval = time.Hour // receipts alone must do: the first two uploads stay uncommitted
			}
			w.importOf("customers", 1, tt.spec)
			w.load("customers", rows(500, 1), 500)
			first := w.start()
			w.await("two receipts and three requests in flight", 10*time.Second, func() bool {
				return w.tally("customers").receipts == 2 && inFlight.Load() == 3
			})
			first.cables.kill()
			killed.Store(true)
			close(hang)
			if tt.ending != nil {
				w.state("customers", 1, 1, tt.spec, tt.ending)
			}
			w.start()
			got := w.settled("customers", 500)
			w.want(got, tt.want)
			if uncertain := 300 - tt.want["loaded"] + 200; got.uncertain != int64(uncertain) {
				t.Errorf("%d records are reported as skipped or rejected though they may be stored, want %d", got.uncertain, uncertain)
			}
			if got.resent != tt.resent {
				t.Errorf("resent %d, want %d: the three uploads in flight and no more", got.resent, tt.resent)
			}
			times := map[string]int{}
			for _, s := range w.cleverTap.got() {
				times[s.Identity]++
			}
			for id, n := range times {
				if n > 2 {
					t.Errorf("%s was applied %d times", id, n)
				}
			}
		})
	}
}

func TestReceiptsAreNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kafka.SessionTimeout = 6 * time.Second
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100})
	w.tune = func(c *Config) { c.CommitInterval = time.Hour }
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(1000, 1), 300)
	first := w.start()
	w.settled("customers", 1000)
	first.cables.kill()
	if got := w.committed("customers", 1)[0]; got != 0 {
		t.Fatalf("committed %d, want 0: the test shows nothing", got)
	}
	w.tune = nil
	w.start()
	w.load("customers", []row{{identity: "late"}}, 1)
	got := w.settled("customers", 1001)
	if got.resent != 0 || len(w.cleverTap.got()) != 1001 {
		t.Errorf("resent %d, applied %d; want 0 and 1001", got.resent, len(w.cleverTap.got()))
	}
	w.await("the offsets to be committed", 5*time.Second, func() bool { return w.committed("customers", 1)[0] >= 1001 })
}

// Anybody with the right can write to the reports topic. An unreadable record there stops
// no import: it would stop all of them for as long as Kafka keeps it.
func TestAnUnreadableReportIsLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kafka.SessionTimeout = 3 * time.Second
	w.tune = func(c *Config) {
		c.RequestTimeout = 2 * time.Second
		c.CommitInterval = time.Hour // receipts alone must do
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.importOf("orders", 1, schemas.ImportSpec{})
	first := w.start()
	for i, value := range [][]byte{[]byte("{"), []byte(`{"kind":1}`), nil} {
		w.load("customers", rows(10, 1), 10)
		w.settled("customers", 10*(i+1))
		r := &kafka.Record{Topic: w.topics.Reports(), Partition: schemas.ControlPartition("customers"), Key: []byte("customers"), Value: value}
		if err := w.producer.Produce(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	first.cables.kill()
	w.load("customers", rows(10, 1), 10)
	w.load("orders", rows(10, 1), 10)
	w.start()
	w.settled("customers", 40)
	w.settled("orders", 10)
	if n := len(w.cleverTap.got()); n != 50 {
		t.Errorf("applied %d, want 50: the reports around them are read", n)
	}
}

// Tools that set offsets leave metadata of their own.
func TestOffsetsThatAnOperatorSet(t *testing.T) {
	t.Parallel()
	for _, metadata := range []string{"", "set by hand", "{}"} {
		t.Run(metadata, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100})
			w.importOf("customers", 1, schemas.ImportSpec{})
			w.load("customers", rows(300, 1), 300)
			first := w.start()
			w.settled("customers", 300)
			first.drain()
			w.commit("customers", kafka.Commit{Offset: 200, Metadata: metadata})
			w.start()
			w.load("customers", []row{{identity: "late"}}, 1)
			got := w.settled("customers", 301)
			if got.resent != 0 || len(w.cleverTap.got()) != 301 {
				t.Errorf("resent %d, applied %d; want 0 and 301: receipts tell what was loaded", got.resent, len(w.cleverTap.got()))
			}
		})
	}
}

// commit sets the committed offset of an import's first partition.
func (w *world) commit(name string, c kafka.Commit) {
	w.t.Helper()
	group, err := kafka.OpenGroup(w.kafka, w.deps, kafka.GroupConfig{Group: Group}) // without topics: joins nothing
	if err != nil {
		w.t.Fatal(err)
	}
	defer group.Close()
	if refused, err := group.Commit(context.Background(), map[kafka.TP]kafka.Commit{{Topic: w.topics.Records(name)}: c}); err != nil || len(refused) > 0 {
		w.t.Fatal(refused, err)
	}
}

func TestAMovingPartitionDrains(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100})
	w.cleverTap.decide = func(int, []sent) answer { return answer{delay: 100 * time.Millisecond} }
	w.importOf("customers", 6, schemas.ImportSpec{})
	w.load("customers", rows(20_000, 6), 5000)
	w.start()
	w.await("some receipts", 10*time.Second, func() bool { return w.tally("customers").receipts > 10 })
	w.start()
	w.await("more receipts", 10*time.Second, func() bool { return w.tally("customers").receipts > 60 })
	third := w.start()
	w.await("more receipts", 20*time.Second, func() bool { return w.tally("customers").receipts > 120 })
	third.drain()
	got := w.settled("customers", 20_000)
	w.want(got, map[string]int{"loaded": 20_000})
	if got.resent != 0 || len(w.cleverTap.got()) != 20_000 {
		t.Errorf("resent %d, applied %d; want 0 and 20000", got.resent, len(w.cleverTap.got()))
	}
}

func TestAnAmbiguousAnswerIsSentAgainAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100})
	answers := []answer{{lost: true}, {status: 500}, {status: 503, skip: true}, {body: "<html>busy</html>"}, {body: `{"status":"success","processed":3,"unprocessed":[]}`}, {body: " "}}
	w.cleverTap.decide = func(n int, _ []sent) answer {
		if n <= len(answers) {
			return answers[n-1]
		}
		return answer{}
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(1000, 1), 1000)
	w.start()
	got := w.settled("customers", 1000)
	w.want(got, map[string]int{"loaded": 1000})
	if got.resent == 0 || got.resent > 600 {
		t.Errorf("resent %d, want some of the at most six uploads of 100", got.resent)
	}
	w.cleverTap.mu.Lock()
	requests := w.cleverTap.requests - w.cleverTap.checks
	w.cleverTap.mu.Unlock()
	if requests != 16 {
		t.Errorf("%d requests, want 16", requests)
	}
	if fmt.Sprint(w.rejects("customers")) != "[]" {
		t.Error("a transient fault rejected records")
	}
}

// Kafka is down for longer than the session, and no process is killed. CleverTap has
// answered: the receipts are kept and written when Kafka is back, and nothing is
// sent again.
func TestReceiptsOutliveAnOutageOfKafka(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kafka.SessionTimeout = 3 * time.Second
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100, Slots: 3})
	hang := make(chan struct{})
	var inFlight atomic.Int32
	w.cleverTap.decide = func(int, []sent) answer {
		select {
		case <-hang:
			return answer{}
		default:
		}
		inFlight.Add(1)
		return answer{wait: hang}
	}
	w.tune = func(c *Config) { c.RequestTimeout, c.DrainTimeout = 2*time.Second, 2*time.Second }
	w.importOf("purchases", 1, schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent}})
	w.load("purchases", rows(300, 1), 300)
	l := w.start()
	w.await("three requests in flight", 10*time.Second, func() bool { return inFlight.Load() == 3 })
	l.cables.kill()
	close(hang)
	time.Sleep(2 * w.kafka.SessionTimeout) // the outage
	l.cables.mend()
	w.load("purchases", []row{{identity: "late"}}, 1)
	got := w.settled("purchases", 301)
	w.want(got, map[string]int{"loaded": 301})
	if n := len(w.cleverTap.got()); got.resent != 0 || n != 301 {
		t.Errorf("resent %d, applied %d; want 0 and 301", got.resent, n)
	}
}

// A loader reported an account's pause and has stopped, and the records that waited were
// deleted. When the account works again, its successor reports the end of the pause.
func TestAnInheritedPauseEndsWithoutRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var back atomic.Bool
	w.cleverTap.decide = func(int, []sent) answer {
		if back.Load() {
			return answer{}
		}
		return answer{status: 401, skip: true}
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(20, 1), 20)
	l := w.start()
	w.await("a waiting report", 10*time.Second, func() bool { return len(w.tally("customers").waiting) > 0 })
	l.drain()
	tp := kafka.TP{Topic: w.topics.Records("customers")}
	end, err := w.reader.EndOffset(t.Context(), tp)
	if err != nil {
		t.Fatal(err)
	}
	if err := kafka.Truncate(t.Context(), w.kafka, w.deps, map[kafka.TP]int64{tp: end}); err != nil {
		t.Fatal(err)
	}
	back.Store(true)
	w.start()
	w.await("the end of the pause to be told", 20*time.Second, func() bool {
		waiting := w.tally("customers").waiting
		return waiting[len(waiting)-1].Over
	})
	if got := w.tally("customers").total; got != 0 {
		t.Errorf("%d outcomes of records that are gone", got)
	}
}

package loader

import (
	"context"
	"testing"
	"time"

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/clevertap"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/lane"
)

// newMember is a member of a loader that does not run. It follows the resources, because
// nothing is sent without knowing the freezes.
func (w *world) newMember() *member {
	w.t.Helper()
	s, err := New(w.config(), Deps{Telemetry: telemetry.Discard(), Health: daemon.NewHealth()})
	if err != nil {
		w.t.Fatal(err)
	}
	m := s.newMember(context.Background())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.accounts.resources.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(func() {
		m.cancel(context.Canceled)
		stop()
		<-ended
	})
	// What define sets afterwards must not be replaced by what is read of the topic.
	if err := s.accounts.resources.ReadToEnd(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	m.journal.producer = w.producer
	return m
}

// losingCleverTap refuses whole what its loader still writes after a loss.
type losingCleverTap struct {
	lose    func()
	allowed error
}

func (l *losingCleverTap) UploadIf(_ context.Context, _ [][]byte, _ bool, allow func() error) (clevertap.Result, error) {
	l.lose()
	l.allowed = allow()
	return clevertap.Result{Kind: clevertap.Throttled}, nil
}

func (l *losingCleverTap) Close() {}

// The partition is lost, or its drain takes too long, between the intent and the
// socket: the next owner sends the records, and has intents of its own.
func TestALostPartitionIsNeitherWrittenNorWithdrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 1, schemas.ImportSpec{})
	l := newLoop(w.newMember())
	tp := kafka.TP{Topic: w.topics.Records("customers")}
	var err error
	if l.group, err = kafka.OpenGroup(w.kafka, w.deps, kafka.GroupConfig{Group: Group, Topics: []string{tp.Topic}}); err != nil {
		t.Fatal(err)
	}
	defer l.group.Close()
	w.await("the group to be joined", 10*time.Second, func() bool { return !l.group.Contact().IsZero() })
	p := newPartition(tp, l.topics)
	l.own(p)
	losing := &losingCleverTap{lose: func() { l.dropPartition(p) }}
	now := time.Now()
	d := &destination{
		name: testAccount, conn: &connection{client: losing},
		account: account.New(account.Config{Slots: 15, Replicas: 1, RequestTimeout: time.Second, LeaseInterval: time.Second, GrowInterval: time.Second}),
	}
	d.publishShare()
	u := &upload{
		part: p, ownership: p.ownership, subject: "customers", destination: d, number: 1, attempt: 1,
		batch:    &lane.Batch{Items: []lane.Item{{Record: &kafka.Record{Topic: tp.Topic, Value: []byte("{}")}, Prev: -1}}},
		run:      &schemas.ActiveRun{Run: "customers.1", Number: 1, Attempt: 1},
		delivery: delivery.New(delivery.Replace, []uint64{1}, false, time.Minute), span: telemetry.NoPart(),
	}
	l.launch(u, now)
	l.happened(now)
	if losing.allowed == nil {
		t.Error("a request may be written for a partition that is somebody else's")
	}
	if w.withdrawn("customers") {
		t.Error("an intent was withdrawn for a partition that is somebody else's")
	}
	if len(d.waiting) != 0 {
		t.Error("the upload waits for another request")
	}

	// An edit that points the account elsewhere: the slot may be another's.
	p = newPartition(tp, l.topics)
	u.part, u.ownership, u.notBefore = p, p.ownership, now
	losing.lose, losing.allowed = func() { d.disconnect() }, nil
	l.launch(u, now)
	l.happened(now)
	if losing.allowed == nil {
		t.Error("a request may be written to where the account pointed before")
	}
}

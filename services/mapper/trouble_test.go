package mapper

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

const aRow = `{"ID":7,"EMAIL":null,"SINCE":null}`

// besides creates a second import, orders, whose run 1 attempt 2 is active.
func (w *world) besides() {
	w.t.Helper()
	if err := kafka.EnsureTopics(w.t.Context(), w.cfg.Kafka, kafkatest.Deps(), w.topics.ImportTopics("orders", schemas.TopicSettings{Partitions: 1})); err != nil {
		w.t.Fatal(err)
	}
	w.produce(
		ofOrders(w.t, w.topics.Imports(), schemas.Definition{Kind: schemas.KindImport, Metadata: schemas.Metadata{Name: "orders"}, Spec: spec()}),
		ofOrders(w.t, w.topics.Columns(), schemas.RowSchema{
			Import: "orders", Run: "orders.1", Number: 1, Attempt: 2, Clock: "2026-11-23T10:00:00.000000000",
			Columns: []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"}, {Name: "SINCE", Type: "DATE"}},
		}),
		ofOrders(w.t, w.topics.State(), schemas.State{Import: "orders", Epoch: 1, LastNumber: 1, Active: &schemas.ActiveRun{Run: "orders.1", Number: 1, Attempt: 2, Spec: spec()}}),
	)
}

// awaitOrders waits until a number of orders' rows are mapped.
func (w *world) awaitOrders(n int) {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		got := len(w.read(w.topics.Records("orders"), 1))
		if got == n {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d of %d rows of orders are mapped", got, n)
		}
		time.Sleep(20 * time.Millisecond) // between looks at the condition
	}
}

func (w *world) recreate(topic string) {
	w.t.Helper()
	w.remove(topic)
	specs := append(w.topics.ImportTopics("customers", schemas.TopicSettings{Partitions: 3}), w.topics.ImportTopics("orders", schemas.TopicSettings{Partitions: 1})...)
	deadline := time.Now().Add(30 * time.Second)
	for {
		// A broker that has not heard of the deletion yet says that the topic is there.
		err := kafka.EnsureTopics(w.t.Context(), w.cfg.Kafka, kafkatest.Deps(), specs)
		if err == nil {
			_, err = w.reader.EndOffset(w.t.Context(), kafka.TP{Topic: topic})
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // between looks at the topic
	}
}

func (w *world) remove(topic string) {
	w.t.Helper()
	if err := kafka.DeleteTopics(w.t.Context(), w.cfg.Kafka, kafkatest.Deps(), topic); err != nil {
		w.t.Fatal(err)
	}
}

// TestAMissingRecordsTopicStopsNoOther: somebody deletes the records topic of one
// import by hand, before the mapper starts or while it works.
func TestAMissingRecordsTopicStopsNoOther(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"before the mapper starts": true, "while it works": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.besides()
			if early {
				w.remove(w.topics.Records("customers"))
			}
			defer w.start(nil)()
			if !early {
				w.produce(w.row("3.2.9", 0, aRow), orders(w, "1.2.9", aRow))
				w.await()
				w.awaitOrders(1)
				w.remove(w.topics.Records("customers"))
			}
			w.produce(w.row("3.2.1", 0, aRow), w.row("3.2.2", 1, aRow), w.row("3.2.3", 2, aRow))
			n := 0
			if !early {
				n = 1
			}
			for i := range 5 {
				w.produce(orders(w, fmt.Sprintf("1.2.%d", i+1), aRow))
				w.awaitOrders(n + i + 1)
			}
			w.recreate(w.topics.Records("customers"))
			w.sent[0] += 5 + int64(n) // of orders
			got := w.await()
			if got.Records != 3 || got.Mapped != int64(8+2*n) {
				t.Errorf("after the topic was created again: %+v", got)
			}
		})
	}
}

// TestRowsAlreadyMappedAreSkipped: the offsets of the group were deleted, set back
// or have expired. Every row counts once, and is sent once.
func TestRowsAlreadyMappedAreSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.start(nil)
	w.produce(
		w.row("3.2.1", 0, aRow), w.row("3.2.2", 1, aRow), w.row("3.2.3", 2, aRow), w.row("3.2.4", 0, aRow),
		w.row("3.2.5", 0, `{"ID":8,"EMAIL":"broken","SINCE":null}`), // a reject is an outcome too
	)
	before := w.await()
	stop()
	w.forget()
	w.produce(w.row("3.2.6", 0, aRow), w.row("3.2.7", 1, aRow))
	defer w.start(nil)()
	want := before
	want.Records, want.Mapped = before.Records+2, before.Mapped+2
	if diff := cmp.Diff(want, w.await()); diff != "" {
		t.Errorf("after the offsets were deleted (-want +got):\n%s", diff)
	}
	ids := map[string]int{}
	for _, r := range w.read(w.topics.Records("customers"), 3) {
		ids[string(kafka.HeaderValue(r, schemas.HeaderID))]++
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("record %s is there %d times", id, n)
		}
	}
}

// TestRowsOfLostReportsAreSkipped: the offsets of the group are gone, and the reports that
// would tell what was mapped were deleted with their topic. Nothing is mapped again: the rows
// are skipped as stopped, with which no run succeeds.
func TestRowsOfLostReportsAreSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.start(nil)
	w.produce(w.row("3.2.1", 0, aRow), w.row("3.2.2", 0, aRow))
	w.await()
	stop()
	w.forget()
	w.activate(&schemas.ActiveRun{Run: "customers.3", Number: 3, Attempt: 2, Spec: spec(), ReportsTopic: "of a topic that was deleted"})
	w.produce(w.row("3.2.3", 0, aRow))
	w.sent[0] += 2 // they are polled again
	defer w.start(nil)()
	if got := w.await(); got.Records != 2 || got.ByReason[schemas.SkipStopped] != 3 {
		t.Errorf("the topics hold %+v, want two records and three rows that were skipped", got)
	}
}

// forget deletes the mapper's group.
func (w *world) forget() {
	w.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := kafkatest.DeleteOffsets(context.Background(), w.cfg.Kafka, Group)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // until the member has left
	}
}

// TestARecreatedRowsTopic: the committed offset is of the topic that was
// deleted, and the new one is read from its start.
func TestARecreatedRowsTopic(t *testing.T) {
	t.Parallel()
	for name, running := range map[string]bool{"while the mapper is stopped": false, "while it works": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.besides()
			stop := w.start(nil)
			for i := range 3 {
				w.produce(w.row(fmt.Sprintf("3.2.%d", i+1), 0, aRow))
			}
			w.await()
			if !running {
				stop()
			}
			w.recreate(w.topics.Rows("customers"))
			// Another run: that of the deleted topic has ended. Its rows are fewer than
			// were read of the deleted topic, and then more.
			w.control(w.topics.Columns(), schemas.RowSchema{
				Import: "customers", Run: "customers.4", Number: 4, Attempt: 1, Clock: "2026-11-23T10:00:00.000000000",
				Columns: []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"}, {Name: "SINCE", Type: "DATE"}},
			})
			w.control(w.topics.State(), schemas.State{Import: "customers", Epoch: 1, LastNumber: 4, Active: &schemas.ActiveRun{
				Run: "customers.4", Number: 4, Attempt: 1, Spec: spec(), StartedAt: time.Now(),
			}})
			for i := range 7 {
				w.produceAnew(w.row(fmt.Sprintf("4.1.%d", i+1), 0, aRow))
			}
			if !running {
				stop = w.start(nil)
			}
			defer func() { stop() }()
			if got := w.await(); got.Mapped != 10 || got.Records != 10 {
				t.Errorf("3 rows before, 7 after: %+v", got)
			}
		})
	}
}

// produceAnew writes with a new client, which has no metadata of topics yet.
func (w *world) produceAnew(r *kafka.Record) {
	w.t.Helper()
	p, err := kafka.OpenProducer(w.cfg.Kafka, kafkatest.Deps())
	if err != nil {
		w.t.Fatal(err)
	}
	defer p.Close()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := p.Produce(w.t.Context(), r)
		if err == nil {
			return
		}
		// A broker may not host a topic yet that it has just created; nothing is written then.
		if !strings.Contains(err.Error(), "UNKNOWN_TOPIC_OR_PARTITION") || time.Now().After(deadline) {
			w.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

package mapper

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// pausesSeen is a log handler that passes on the messages about paused partitions.
type pausesSeen struct {
	slog.Handler
	seen chan string
}

func (h pausesSeen) Enabled(context.Context, slog.Level) bool { return true }

func (h pausesSeen) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "the rows of a partition cannot be mapped; the partition is paused" {
		return nil
	}
	line := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "again_in" && a.Key != "error" {
			line += fmt.Sprint(a.Value) + " "
		}
		return true
	})
	select {
	case h.seen <- line:
	default:
	}
	return nil
}

// TestAnImportThatCannotBeMappedStopsNoOther: something that the rows of orders need is
// broken and then repaired. Meanwhile customers' rows are mapped, and each row counts once.
func TestAnImportThatCannotBeMappedStopsNoOther(t *testing.T) {
	t.Parallel()
	ordersSpec := spec()
	ordersSpec.Destination.AccountRef = "shop"
	state := schemas.State{Import: "orders", Epoch: 1, LastNumber: 1, Active: &schemas.ActiveRun{Run: "orders.1", Number: 1, Attempt: 2, Spec: ordersSpec}}
	columns := schemas.RowSchema{
		Import: "orders", Run: "orders.1", Number: 1, Attempt: 2, Clock: "2026-11-23T10:00:00.000000000",
		Columns: []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"}, {Name: "SINCE", Type: "DATE"}},
	}
	clockless := columns
	clockless.Clock = "noon"
	for name, c := range map[string]struct {
		state, columns any // nil is garbage
		account        string
		offset         int // of the first row that cannot be mapped
		reason         string
	}{
		"state":   {nil, columns, "{}", 0, "the state cannot be read"},
		"columns": {state, nil, "{}", 1, "the columns of the import cannot be read"},
		"clock":   {state, clockless, "{}", 1, "the clock of the run's attempt cannot be read"},
		"account": {state, columns, "[", 1, "the definition of the import's account cannot be read; apply it again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			seen := make(chan string, 1)
			w.log = slog.New(pausesSeen{slog.DiscardHandler, seen})
			if err := kafka.EnsureTopics(t.Context(), w.cfg.Kafka, kafkatest.Deps(), w.topics.ImportTopics("orders", schemas.TopicSettings{Partitions: 1})); err != nil {
				t.Fatal(err)
			}
			definition := schemas.Definition{Kind: schemas.KindImport, Metadata: schemas.Metadata{Name: "orders"}, Spec: spec()}
			account := func(spec string) *kafka.Record {
				key := schemas.ResourceKey(schemas.KindCleverTapAccount, "shop")
				return &kafka.Record{Topic: w.topics.Resources(), Key: []byte(key), Value: []byte(`{"kind":"CleverTapAccount","spec":` + spec + `}`)}
			}
			w.produce(account(c.account), ofOrders(t, w.topics.Imports(), definition), ofOrders(t, w.topics.State(), c.state), ofOrders(t, w.topics.Columns(), c.columns))
			const row = `{"ID":7,"EMAIL":null,"SINCE":null}`
			// Of an older attempt, which is skipped; the rest is the active attempt's.
			for _, id := range []string{"1.1.1", "1.2.1", "1.2.2"} {
				w.produce(orders(w, id, row))
			}
			defer w.start(func(c *Config) { c.BatchRows = 4 })()

			select {
			case got := <-seen:
				if want := fmt.Sprintf("%s 0 %d %s ", w.topics.Rows("orders"), c.offset, c.reason); got != want {
					t.Errorf("the log says %q, want %q", got, want)
				}
			case <-time.After(time.Minute):
				t.Fatal("the log says nothing of orders")
			}
			for i := range 6 {
				w.produce(w.row(fmt.Sprintf("3.2.%d", i+1), int32(i%3), row))
			}
			got := w.await()
			want := outcome{Records: 6, Mapped: 6, ByCode: map[string]int64{}, ByReason: map[string]int64{}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("while orders is broken (-want +got):\n%s", diff)
			}

			w.produce(account("{}"), ofOrders(t, w.topics.State(), state), ofOrders(t, w.topics.Columns(), columns), orders(w, "1.2.3", row))
			w.sent[0] += 4
			want.Mapped, want.Skips, want.ByReason[schemas.SkipClosed] = 9, 1, 1
			if diff := cmp.Diff(want, w.await()); diff != "" {
				t.Errorf("after the repair (-want +got):\n%s", diff)
			}
			var ids []string
			for _, r := range w.read(w.topics.Records("orders"), 1) {
				ids = append(ids, string(kafka.HeaderValue(r, schemas.HeaderID)))
			}
			if diff := cmp.Diff([]string{"1.2.1", "1.2.2", "1.2.3"}, ids); diff != "" {
				t.Errorf("records of orders (-want +got):\n%s", diff)
			}
			w.produce(w.row("3.2.7", 0, row))
			if got := w.await(); got.Mapped != 10 || got.Records != 7 {
				t.Errorf("afterwards: %+v", got)
			}
		})
	}
}

func ofOrders(t *testing.T, topic string, value any) *kafka.Record {
	t.Helper()
	rec, err := control.Record(topic, "orders", "orders", value, "test", "test")
	if err != nil {
		t.Fatal(err)
	}
	if value == nil {
		rec.Value = []byte("{")
	}
	return rec
}

func orders(w *world, id, value string) *kafka.Record {
	return &kafka.Record{
		Topic: w.topics.Rows("orders"), Key: []byte("k" + id), Value: []byte(value),
		Headers: []kafka.Header{{Key: schemas.HeaderID, Value: []byte(id)}},
	}
}

// TestAPausedPartitionIsTriedLessAndLess: a paused partition is tried at growing intervals,
// so that it does not interrupt the others every second.
func TestAPausedPartitionIsTriedLessAndLess(t *testing.T) {
	t.Parallel()
	tp, other := kafka.TP{Topic: "rows"}, kafka.TP{Topic: "rows", Partition: 1}
	pause := time.Duration(0)
	var got []time.Duration
	for range 8 {
		pause = nextPause(pause)
		got = append(got, pause)
	}
	want := []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, time.Minute, time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
	h := newPausedPartitions(nil)
	h.byPartition[tp], h.byPartition[other] = pausedPartition{pause: time.Minute}, pausedPartition{pause: time.Second}
	h.mapped([]*kafka.Record{{Topic: "rows"}})
	if _, held := h.byPartition[tp]; held || len(h.byPartition) != 1 {
		t.Errorf("after rows of %v were mapped: %v", tp, h.byPartition)
	}
}

package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

func topic(cfg kafka.Config) string { return schemas.NewTopics(cfg.Prefix).Reports() }

func record(cfg kafka.Config, partition int32, value string) *kafka.Record {
	return &kafka.Record{Topic: topic(cfg), Partition: partition, Key: []byte("k"), Value: []byte(value)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// values reads partition 0 to its end.
func values(t *testing.T, cfg kafka.Config) []string {
	t.Helper()
	r := open[*kafka.Reader](t)(kafka.OpenReader(cfg, kafkatest.Deps()))
	defer r.Close()
	var got []string
	_, err := r.ReadTo(t.Context(), kafka.TP{Topic: topic(cfg), Partition: 0}, 0, func(rec *kafka.Record) error {
		got = append(got, string(rec.Value))
		return nil
	})
	must(t, err)
	return got
}

func TestReadToSeesCommittedRecordsOnlyAndEnds(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	if got := values(t, cfg); got != nil {
		t.Fatalf("empty partition: read %v", got)
	}
	tx := open[*kafka.Transactor](t)(kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "a"))
	defer tx.Close()
	must(t, tx.Begin())
	tx.Produce(record(cfg, 0, "one"), record(cfg, 0, "two"))
	must(t, tx.Commit(t.Context()))
	must(t, tx.Begin())
	tx.Produce(record(cfg, 0, "aborted"))
	must(t, tx.Abort(t.Context()))
	// The partition now ends in an abort marker: no record carries its last offset.
	if diff := cmp.Diff([]string{"one", "two"}, values(t, cfg)); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
}

func TestReadToWaitsForOpenTransactions(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	tx := open[*kafka.Transactor](t)(kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "a"))
	defer tx.Close()
	reader := open[*kafka.Reader](t)(kafka.OpenReader(cfg, kafkatest.Deps()))
	defer reader.Close()
	p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
	defer p.Close()

	must(t, tx.Begin())
	tx.Produce(record(cfg, 0, "open"))
	for { // until the broker has the open record
		end, err := reader.EndOffset(t.Context(), kafka.TP{Topic: topic(cfg)})
		must(t, err)
		if end > 0 {
			break
		}
	}
	must(t, p.Produce(t.Context(), record(cfg, 0, "behind")))
	done := make(chan []string)
	go func() {
		var got []string
		_, err := reader.ReadTo(t.Context(), kafka.TP{Topic: topic(cfg)}, 0, func(r *kafka.Record) error {
			got = append(got, string(r.Value))
			return nil
		})
		if err != nil {
			got = append(got, err.Error())
		}
		done <- got
	}()
	select {
	case got := <-done:
		t.Fatalf("returned %v while a transaction was open below the mark", got)
	case <-time.After(300 * time.Millisecond):
	}
	must(t, tx.Commit(t.Context()))
	if diff := cmp.Diff([]string{"open", "behind"}, <-done); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
}

func TestAnyFailedProduceAbortsTheTransaction(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	tx := open[*kafka.Transactor](t)(kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "a"))
	defer tx.Close()
	must(t, tx.Begin())
	tx.Produce(record(cfg, 0, "good"), record(cfg, 0, string(make([]byte, 2<<20))), record(cfg, 0, "also good"))
	if err := tx.Commit(t.Context()); !errors.Is(err, kafka.ErrAborted) {
		t.Fatalf("Commit() = %v, want ErrAborted", err)
	}
	must(t, tx.Begin())
	tx.Produce(record(cfg, 0, "next"))
	must(t, tx.Commit(t.Context()))
	if diff := cmp.Diff([]string{"next"}, values(t, cfg)); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
}

func TestOpenTransactorFencesTheOlderOwner(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	old := open[*kafka.Transactor](t)(kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "a"))
	defer old.Close()
	must(t, old.Begin())
	old.Produce(record(cfg, 0, "zombie"))
	newer := open[*kafka.Transactor](t)(kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "a"))
	defer newer.Close()
	if err := old.Commit(t.Context()); !errors.Is(err, kafka.ErrFenced) {
		t.Fatalf("old owner: Commit() = %v, want ErrFenced", err)
	}
	must(t, newer.Begin())
	newer.Produce(record(cfg, 0, "newer"))
	must(t, newer.Commit(t.Context()))
	if diff := cmp.Diff([]string{"newer"}, values(t, cfg)); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
}

func TestGroupCommitsOffsetsWithMetadata(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
	defer p.Close()
	for i := range 10 {
		must(t, p.Produce(t.Context(), record(cfg, 0, fmt.Sprint(i))))
	}
	assigned := make(chan []kafka.TP, 1)
	join := func() *kafka.Group {
		return open[*kafka.Group](t)(kafka.OpenGroup(cfg, kafkatest.Deps(), kafka.GroupConfig{
			Group: "g", Topics: []string{topic(cfg)},
			Assigned: func(_ context.Context, tps []kafka.TP) { assigned <- tps },
		}))
	}
	g := join()
	if n := len(<-assigned); n != schemas.ControlPartitions {
		t.Errorf("assigned %d partitions, want %d", n, schemas.ControlPartitions)
	}
	records, err := g.Poll(t.Context(), 100)
	must(t, err)
	if len(records) == 0 || string(records[0].Value) != "0" {
		t.Fatalf("polled %d records", len(records))
	}
	if age := time.Since(g.Contact()); age > 10*time.Second {
		t.Errorf("Contact() is %v old", age)
	}
	tp := kafka.TP{Topic: topic(cfg)}
	unknown := kafka.TP{Topic: topic(cfg), Partition: schemas.ControlPartitions}
	refused, err := g.Commit(t.Context(), map[kafka.TP]kafka.Commit{tp: {Offset: 4, Metadata: "reports=17"}, unknown: {Offset: 1}})
	must(t, err)
	if len(refused) != 1 || refused[unknown] == nil {
		t.Errorf("refused %v, want the partition that does not exist", refused)
	}
	g.Close()

	g = join()
	defer g.Close()
	<-assigned
	got, err := g.Committed(t.Context(), tp, kafka.TP{Topic: topic(cfg), Partition: 1})
	must(t, err)
	want := map[kafka.TP]kafka.Commit{tp: {Offset: 4, Metadata: "reports=17"}, {Topic: topic(cfg), Partition: 1}: {Offset: -1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Committed() mismatch (-want +got):\n%s", diff)
	}
	records, err = g.Poll(t.Context(), 100)
	must(t, err)
	if string(records[0].Value) != "4" {
		t.Errorf("first record after the commit is %s, want 4", records[0].Value)
	}
}

// TestAnOffsetOfADeletedTopic: an offset means something only in the topic that it was
// committed for.
func TestAnOffsetOfADeletedTopic(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
	defer p.Close()
	for i := range 10 {
		must(t, p.Produce(t.Context(), record(cfg, 0, fmt.Sprint(i))))
	}
	tp := kafka.TP{Topic: topic(cfg)}
	reader := open[*kafka.Reader](t)(kafka.OpenReader(cfg, kafkatest.Deps()))
	defer reader.Close()
	id, err := reader.TopicID(t.Context(), tp.Topic)
	must(t, err)
	for _, c := range []struct {
		name, metadata string
		want           kafka.Commit
		first          string
	}{
		{"of a deleted topic", "topic=gone reports=17", kafka.Commit{Offset: -1}, "0"},
		{"of this topic", "topic=" + id + " reports=17", kafka.Commit{Offset: 4, Metadata: "reports=17"}, "4"},
		{"of an older release", "reports=17", kafka.Commit{Offset: 4, Metadata: "reports=17"}, "4"},
		{"set by a person", "", kafka.Commit{Offset: 4}, "4"},
	} {
		name := strings.ReplaceAll(c.name, " ", "-")
		setter := open[*kafka.Group](t)(kafka.OpenGroup(cfg, kafkatest.Deps(), kafka.GroupConfig{Group: name})) // without topics: joins nothing
		_, err := setter.Commit(t.Context(), map[kafka.TP]kafka.Commit{tp: {Offset: 4, Metadata: c.metadata}})
		must(t, err)
		setter.Close()
		g := open[*kafka.Group](t)(kafka.OpenGroup(cfg, kafkatest.Deps(), kafka.GroupConfig{Group: name, Topics: []string{tp.Topic}}))
		records, err := g.Poll(t.Context(), 1)
		must(t, err)
		if got := string(records[0].Value); got != c.first {
			t.Errorf("an offset %s: reading begins at %s, want %s", c.name, got, c.first)
		}
		got, err := g.Committed(t.Context(), tp)
		must(t, err)
		if got[tp] != c.want {
			t.Errorf("an offset %s: Committed() = %+v, want %+v", c.name, got[tp], c.want)
		}
		refused, err := g.Commit(t.Context(), map[kafka.TP]kafka.Commit{tp: {Offset: 5, Metadata: "reports=18"}})
		must(t, err)
		got, err = g.Committed(t.Context(), tp)
		must(t, err)
		if want := (kafka.Commit{Offset: 5, Metadata: "reports=18"}); len(refused) > 0 || got[tp] != want {
			t.Errorf("after a commit over an offset %s: Committed() = %+v, refused %v, want %+v", c.name, got[tp], refused, want)
		}
		g.Close()
	}
}

// TestGroupTransactorIsExactlyOnce copies records in transactions of which some
// abort and whose member is replaced in the middle.
func TestGroupTransactorIsExactlyOnce(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	const n = 500
	p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
	defer p.Close()
	var source []*kafka.Record
	for i := range n {
		source = append(source, &kafka.Record{Topic: schemas.NewTopics(cfg.Prefix).Triggers(), Value: []byte(fmt.Sprint(i))})
	}
	must(t, p.Produce(t.Context(), source...))

	copied := 0
	copyUntil := func(member string, until int) {
		g := open[*kafka.GroupTransactor](t)(kafka.OpenGroupTransactor(t.Context(), cfg, kafkatest.Deps(), "copy", member))
		defer g.Close()
		g.AddTopics(schemas.NewTopics(cfg.Prefix).Triggers())
		for round := 0; copied < until; round++ {
			records, err := g.Poll(t.Context(), 40)
			must(t, err)
			must(t, g.Begin())
			for _, r := range records {
				g.Produce(record(cfg, 0, string(r.Value)))
			}
			if round%3 == 1 {
				must(t, g.Abort(t.Context()))
				continue
			}
			if round%3 == 2 {
				g.Produce(record(cfg, 0, string(make([]byte, 2<<20))))
			}
			ok, err := g.Commit(t.Context())
			must(t, err)
			if ok {
				copied += len(records)
			}
			if ok && round%3 == 2 {
				t.Fatal("a transaction with a failed produce was committed")
			}
		}
	}
	copyUntil("m1", n/2)
	copyUntil("m2", n)
	var want []string
	for i := range n {
		want = append(want, fmt.Sprint(i))
	}
	if diff := cmp.Diff(want, values(t, cfg)); diff != "" {
		t.Errorf("copy mismatch (-want +got):\n%s", diff)
	}
}

// TestPausedPartitionsAreGivenBack pauses one of two partitions that were polled
// together: its records come again after Resume, to another member as well.
func TestPausedPartitionsAreGivenBack(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topic := schemas.NewTopics(cfg.Prefix).Triggers()
	p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
	defer p.Close()
	produce := func(partition int32, from, n int) {
		for i := range n {
			must(t, p.Produce(t.Context(), &kafka.Record{Topic: topic, Partition: partition, Value: fmt.Append(nil, from+i)}))
		}
	}
	produce(0, 0, 10)
	produce(1, 0, 10)
	got := map[int32][]string{}
	// copyUntil commits what is polled until the partition has given that much, and
	// pauses partition 0 whenever it comes while held.
	copyUntil := func(g *kafka.GroupTransactor, partition int32, until int, held bool) {
		for len(got[partition]) < until {
			records, err := g.Poll(t.Context(), 4)
			must(t, err)
			if held && slices.ContainsFunc(records, func(r *kafka.Record) bool { return r.Partition == 0 }) {
				must(t, g.Pause(t.Context(), kafka.TP{Topic: topic, Partition: 0}))
				continue
			}
			must(t, g.Begin())
			ok, err := g.Commit(t.Context())
			must(t, err)
			for _, r := range records {
				if ok {
					got[r.Partition] = append(got[r.Partition], string(r.Value))
				}
			}
		}
	}
	g := open[*kafka.GroupTransactor](t)(kafka.OpenGroupTransactor(t.Context(), cfg, kafkatest.Deps(), "pause", "m1"))
	g.AddTopics(topic)
	copyUntil(g, 0, 3, false)
	before := len(got[0])
	copyUntil(g, 1, 10, true)
	produce(0, 10, 1)
	produce(1, 10, 5)
	copyUntil(g, 1, 15, true)
	if len(got[0]) != before {
		t.Errorf("partition 0 went on to %v while it was paused", got[0])
	}
	g.Resume(kafka.TP{Topic: topic, Partition: 0})
	copyUntil(g, 0, before+1, false)
	copyUntil(g, 1, 15, true)
	must(t, g.Pause(t.Context(), kafka.TP{Topic: topic, Partition: 0}))
	g.Close()
	g = open[*kafka.GroupTransactor](t)(kafka.OpenGroupTransactor(t.Context(), cfg, kafkatest.Deps(), "pause", "m2"))
	defer g.Close()
	g.AddTopics(topic)
	copyUntil(g, 0, 11, false)
	for partition, n := range map[int32]int{0: 11, 1: 15} {
		var want []string
		for i := range n {
			want = append(want, fmt.Sprint(i))
		}
		if diff := cmp.Diff(want, got[partition]); diff != "" {
			t.Errorf("partition %d (-want +got):\n%s", partition, diff)
		}
	}
}

func TestEnsureTopicsRefusesAnotherPartitionCount(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	spec := []schemas.TopicSpec{{Name: topic(cfg), Partitions: schemas.ControlPartitions + 1, Retention: time.Hour}}
	if err := kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), spec); err == nil {
		t.Error("EnsureTopics() accepted a topic with another partition count")
	}
}

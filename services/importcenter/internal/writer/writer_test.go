package writer

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// counter is a view of how many records the audit topic holds.
type counter struct {
	reader *kafka.Reader
	tp     kafka.TP
	n      int
}

func (c *counter) ReadToEnd(ctx context.Context) error {
	c.n = 0
	_, err := c.reader.ReadTo(ctx, c.tp, 0, func(*kafka.Record) error {
		c.n++
		return nil
	})
	return err
}

type bench struct {
	cfg   kafka.Config
	topic string
}

func newBench(t *testing.T) bench {
	t.Helper()
	cfg := kafkatest.Start(t)
	return bench{cfg, schemas.NewTopics(cfg.Prefix).Audit()}
}

func (b bench) writer(t *testing.T) (*Writer, *counter) {
	t.Helper()
	reader, err := kafka.OpenReader(b.cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	view := &counter{reader: reader, tp: kafka.TP{Topic: b.topic}}
	w := New(b.cfg, kafkatest.Deps(), view, DefaultTimeout)
	t.Cleanup(w.Close)
	return w, view
}

func (b bench) record(value string) *kafka.Record {
	return &kafka.Record{Topic: b.topic, Key: []byte("k"), Value: []byte(value)}
}

// TestTwoReplicasWriteInTurn shows that each decision sees all that was written
// before it, whichever replica wrote it.
func TestTwoReplicasWriteInTurn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one, seenByOne := b.writer(t)
	two, seenByTwo := b.writer(t)
	var seen []int
	write := func(w *Writer, view *counter) {
		t.Helper()
		err := w.Write(t.Context(), func(context.Context) ([]*kafka.Record, error) {
			seen = append(seen, view.n)
			return []*kafka.Record{b.record(fmt.Sprint(view.n))}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write(one, seenByOne)
	write(two, seenByTwo)
	seen = seen[:2]
	// The first replica is fenced by now: its decision on what it saw is thrown
	// away and created again.
	write(one, seenByOne)
	if want := 2; seen[len(seen)-1] != want {
		t.Errorf("the last decision saw %d records, want %d; all: %v", seen[len(seen)-1], want, seen)
	}
	if err := seenByOne.ReadToEnd(t.Context()); err != nil || seenByOne.n != 3 {
		t.Errorf("the topic holds %d records, %v; want 3", seenByOne.n, err)
	}
}

func TestNothingIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w, view := b.writer(t)
	refusal := errors.New("refused")
	err := w.Write(t.Context(), func(context.Context) ([]*kafka.Record, error) {
		return []*kafka.Record{b.record("x")}, refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("Write = %v, want the refusal", err)
	}
	tries := 0
	err = w.Write(t.Context(), func(context.Context) ([]*kafka.Record, error) {
		tries++
		return []*kafka.Record{b.record("small"), b.record(string(make([]byte, 2<<20)))}, nil
	})
	if err == nil || tries != maxTries {
		t.Errorf("a record that Kafka cannot carry: %v after %d tries, want an error after %d", err, tries, maxTries)
	}
	if err := view.ReadToEnd(t.Context()); err != nil || view.n != 0 {
		t.Errorf("the topic holds %d records, %v; want none", view.n, err)
	}
	if err := w.Write(t.Context(), func(context.Context) ([]*kafka.Record, error) { return []*kafka.Record{b.record("y")}, nil }); err != nil {
		t.Errorf("the next write: %v", err)
	}
	if diff := cmp.Diff(nil, view.ReadToEnd(t.Context())); diff != "" || view.n != 1 {
		t.Errorf("the topic holds %d records, want 1", view.n)
	}
}

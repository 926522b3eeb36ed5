package runs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// restWorld is a group in virtual time that consumes the rows of two imports and of trials.
type restWorld struct {
	t        *testing.T
	cfg      kafka.Config
	deps     kafka.Deps
	topics   schemas.Topics
	producer *kafka.Producer
	group    *kafka.Group
	polled   chan *kafka.Record
}

func newRestWorld(t *testing.T) *restWorld {
	t.Helper()
	w := &restWorld{t: t, polled: make(chan *kafka.Record, 100)}
	w.cfg, w.deps = kafkatest.StartVirtual(t)
	w.topics = schemas.NewTopics(w.cfg.Prefix)
	var specs []schemas.TopicSpec
	for _, name := range []string{"busy", "quiet"} {
		specs = append(specs, w.topics.ImportTopics(name, schemas.TopicSettings{})...)
	}
	if err := kafka.EnsureTopics(t.Context(), w.cfg, w.deps, specs); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.producer, err = kafka.OpenProducer(w.cfg, w.deps); err != nil {
		t.Fatal(err)
	}
	reader, err := kafka.OpenReader(w.cfg, w.deps)
	if err != nil {
		t.Fatal(err)
	}
	view, err := runs.Open(w.cfg, w.deps)
	if err != nil {
		t.Fatal(err)
	}
	w.group, err = kafka.OpenGroup(w.cfg, w.deps, kafka.GroupConfig{Group: "stage", Topics: []string{w.topics.Rows("busy"), w.topics.Rows("quiet"), w.topics.DryRunRows()}})
	if err != nil {
		t.Fatal(err)
	}
	watch := kafka.NewLagWatch(reader, "stage")
	watch.Join(w.group)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{}, 4)
	for _, run := range []func(){
		func() { _ = view.Run(ctx) },
		func() { watch.Run(ctx) },
		func() { runs.Rest{View: view, Watch: watch, ImportOf: w.topics.ImportOf}.Run(ctx, w.group) },
		func() { w.consume(ctx) },
	} {
		go func() { run(); ended <- struct{}{} }()
	}
	t.Cleanup(func() {
		stop()
		for range cap(ended) {
			<-ended
		}
		w.group.Close()
		reader.Close()
		w.producer.Close()
	})
	return w
}

// consume commits every record that it polls.
func (w *restWorld) consume(ctx context.Context) {
	for {
		records, err := w.group.Poll(ctx, 100)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.t.Error(err)
			return
		}
		commits := map[kafka.TP]kafka.Commit{}
		for _, r := range records {
			commits[kafka.TP{Topic: r.Topic, Partition: r.Partition}] = kafka.Commit{Offset: r.Offset + 1}
		}
		if _, err := w.group.Commit(ctx, commits); err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
		for _, r := range records {
			w.polled <- r
		}
	}
}

func (w *restWorld) state(subject string, active *schemas.ActiveRun) {
	w.t.Helper()
	rec, err := control.Record(w.topics.State(), schemas.ImportOf(subject), subject, schemas.State{Import: schemas.ImportOf(subject), LastNumber: 1, Active: active}, "state", "test")
	if err == nil {
		err = w.producer.Produce(w.t.Context(), rec)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// row writes a row, which has to be polled within the given time.
func (w *restWorld) row(topic string, within time.Duration) {
	w.t.Helper()
	began := time.Now()
	if err := w.producer.Produce(w.t.Context(), &kafka.Record{Topic: topic, Value: []byte("{}")}); err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-w.polled:
		if took := time.Since(began); took > within {
			w.t.Errorf("a row of %s was polled after %v, want %v at most", topic, took, within)
		}
	case <-time.After(5 * time.Minute):
		w.t.Fatalf("a row of %s is never polled", topic)
	}
}

// TestTopicsRest: a topic whose import has no run rests and nothing else does; a state wakes
// it before the first row; and what comes without a run is read all the same.
func TestTopicsRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newRestWorld(t)
		busy, quiet, trials := w.topics.Rows("busy"), w.topics.Rows("quiet"), w.topics.DryRunRows()
		resting := func(topic string, want bool, when string) {
			t.Helper()
			if got := w.group.Resting(topic); got != want {
				t.Errorf("%s: %s rests: %v, want %v", when, topic, got, want)
			}
		}
		run := func(name string) *schemas.ActiveRun {
			return &schemas.ActiveRun{Run: schemas.RunID(name, 1), Number: 1, Attempt: 1, State: schemas.StateExtracting}
		}
		w.state("busy", run("busy"))
		w.row(quiet, time.Second)
		time.Sleep(time.Minute)
		resting(busy, false, "with a run")
		resting(quiet, true, "after a minute without a run")
		resting(trials, true, "without a trial")
		w.row(busy, time.Second)

		w.state("quiet", run("quiet"))
		w.row(quiet, time.Second)
		resting(quiet, false, "with a run of its own")
		trial := schemas.NewPreviewID("quiet")
		w.state(trial, run("quiet"))
		w.row(trials, time.Second)

		w.state("quiet", nil)
		w.state("busy", nil)
		time.Sleep(time.Minute)
		resting(busy, true, "after the last run")
		resting(trials, false, "with a trial")
		w.row(quiet, 70*time.Second) // from somebody who asks nobody
	})
}

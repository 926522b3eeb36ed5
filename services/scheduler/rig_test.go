package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/projection"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler"
)

// rig is a scheduler with its own broker and Redis. The test takes the place of the other
// services: it writes definitions, commands and reports.
type rig struct {
	t        *testing.T
	cfg      scheduler.Config
	topics   schemas.Topics
	producer *kafka.Producer
	reader   *kafka.Reader
	redis    *redistest.Server
	view     *projection.Reader
	ids      atomic.Int64
	tel      *telemetry.Telemetry
	network  kafka.Deps // of the scheduler

	mu        sync.Mutex
	runs      map[string]schemas.Run      // newest event of each, a moment late
	positions map[string]schemas.Position // by key, a moment late
}

func newRig(t *testing.T) *rig {
	t.Helper()
	cfg := scheduler.DefaultConfig()
	cfg.Kafka = kafkatest.Start(t)
	server := redistest.New(t)
	cfg.Redis = server.Config
	cfg.Linger, cfg.Tick, cfg.ProgressEvery = time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	cfg.RetryDelay, cfg.TakeoverPause, cfg.AfterGrace = 30*time.Millisecond, 20*time.Millisecond, 100*time.Millisecond
	producer, err := kafka.OpenProducer(cfg.Kafka, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	reader, err := kafka.OpenReader(cfg.Kafka, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	r := &rig{
		t: t, cfg: cfg, topics: schemas.NewTopics(cfg.Kafka.Prefix), producer: producer, reader: reader,
		redis: server, view: projection.NewReader(server.Client(t)), tel: telemetry.Discard(), runs: map[string]schemas.Run{}, positions: map[string]schemas.Position{},
	}
	r.follow(r.topics.Runs(), r.noteRun)
	r.follow(r.topics.Fold(), r.notePosition)
	return r
}

// follow shows every value of a topic, not only the newest of each key.
func (r *rig) follow(topic string, apply func(key string, value []byte)) {
	r.t.Helper()
	table, err := kafka.OpenTable(r.cfg.Kafka, kafkatest.Deps(), kafka.TableConfig[[]byte]{
		Topic: topic, Decode: func(_ string, value []byte) ([]byte, error) { return value, nil }, Each: apply,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- table.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		// It ends with the test. After another error the test's wait times out.
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			r.t.Logf("following %s: %v", topic, err)
		}
	})
}

func (r *rig) noteRun(_ string, value []byte) {
	var run schemas.Run
	if err := json.Unmarshal(value, &run); err != nil {
		r.t.Errorf("reading a run event: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs[run.Run] = run
}

func (r *rig) notePosition(key string, value []byte) {
	if !schemas.IsPositionKey(key) {
		return
	}
	var position schemas.Position
	if err := json.Unmarshal(value, &position); err != nil {
		r.t.Errorf("reading a position: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.positions[key] = position
}

// start runs the scheduler until the returned function is called.
func (r *rig) start() (stop func()) {
	r.t.Helper()
	health := daemon.NewHealth()
	service, err := scheduler.New(r.cfg, scheduler.Deps{Telemetry: r.tel, Health: health, Kafka: r.network})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("the scheduler ended with %v", err)
		}
	}
	r.t.Cleanup(stop)
	r.await("readiness", func() bool { return health.Ready(r.t.Context()) == nil })
	return stop
}

func (r *rig) produce(topic, importName string, value any) {
	r.t.Helper()
	record, err := control.Record(topic, importName, importName, value, "test", "test")
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.producer.Produce(r.t.Context(), record); err != nil {
		r.t.Fatal(err)
	}
}

func definition(name string) schemas.Definition {
	return schemas.Definition{
		APIVersion: schemas.APIVersion, Kind: schemas.KindImport, Metadata: schemas.Metadata{Name: name}, Generation: 1,
		AppliedAt: time.Now().UTC(),
		Spec: schemas.ImportSpec{
			Source:      schemas.Source{Table: "T", Cursor: &schemas.Cursor{Column: "UPDATED_AT"}},
			Destination: schemas.Destination{Type: schemas.TypeProfile},
			Identity:    schemas.Identity{Column: "ID"},
			Topic:       schemas.TopicSettings{Partitions: 2},
		},
	}
}

func (r *rig) apply(def schemas.Definition) { r.produce(r.topics.Imports(), def.Metadata.Name, def) }

func (r *rig) command(importName, kind string, edit func(*schemas.Command)) string {
	c := schemas.Command{ID: fmt.Sprintf("key-%d", r.ids.Add(1)), Import: importName, Kind: kind, Time: time.Now()}
	if edit != nil {
		edit(&c)
	}
	r.produce(r.topics.Commands(), importName, c)
	return c.ID
}

func (r *rig) report(run string, attempt int, edit func(*schemas.Report)) {
	r.t.Helper()
	importName, number, err := schemas.ParseRunID(run)
	if err != nil {
		r.t.Fatal(err)
	}
	report := schemas.Report{Import: importName, Run: run, Number: number, Attempt: attempt, Time: time.Now()}
	edit(&report)
	r.produce(r.topics.Reports(), importName, report)
}

// finish writes the reports of all stages of an attempt that reads n rows: half of them go to
// each of the two partitions, and all are loaded.
func (r *rig) finish(run string, attempt int, n, base int64, maximum string) {
	r.t.Helper()
	e := schemas.Extraction{Chunks: 1, Read: n, Extracted: n, ByPartition: []int64{n / 2, n - n/2}, Maximum: maximum}
	r.report(run, attempt, func(x *schemas.Report) {
		x.Started = &schemas.Started{QueryID: "q-" + run, Total: n}
	})
	r.report(run, attempt, func(x *schemas.Report) { x.Chunk = &e })
	r.report(run, attempt, func(x *schemas.Report) {
		x.Final = &schemas.Final{Extraction: e, Clock: clock, Lookback: schemas.Duration(15 * time.Minute), Ledger: &schemas.LedgerRef{Attempt: attempt, Chunks: 1}}
	})
	for p, count := range e.ByPartition {
		r.report(run, attempt, func(x *schemas.Report) {
			x.Mapped = &schemas.Mapped{Partition: int32(p), From: base, To: base + count - 1, Mapped: count}
		})
		r.report(run, attempt, func(x *schemas.Report) {
			x.Receipt = &schemas.Receipt{Partition: int32(p), Ranges: []schemas.Range{{Prev: base - 1, From: base, To: base + count - 1}}, Status: 200}
		})
	}
}

const (
	clock   = "2026-11-24T10:00:00.000000000"
	maximum = "2026-11-24T09:30:00.000000000"
	moved   = "2026-11-24T09:15:00.000000000" // maximum less the lookback
)

// all reads a control topic's partition of the import to its end.
func all[T any](r *rig, topic, importName string) []T {
	r.t.Helper()
	var out []T
	_, err := r.reader.ReadTo(r.t.Context(), kafka.TP{Topic: topic, Partition: schemas.ControlPartition(importName)}, 0, func(rec *kafka.Record) error {
		if string(rec.Key) != importName {
			return nil
		}
		var v T
		if err := json.Unmarshal(rec.Value, &v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) triggers(importName string) []schemas.Trigger {
	return all[schemas.Trigger](r, r.topics.Triggers(), importName)
}

func (r *rig) state(importName string) schemas.State {
	r.t.Helper()
	states := all[schemas.State](r, r.topics.State(), importName)
	if len(states) == 0 {
		return schemas.State{}
	}
	return states[len(states)-1]
}

// run is the newest event of a run.
func (r *rig) run(run string) schemas.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs[run]
}

// await waits until the condition holds.
func (r *rig) await(what string, condition func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain for: %s", what)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-r.t.Context().Done():
		}
	}
}

// awaitTaken waits until the fold has counted every report.
func (r *rig) awaitTaken(importName string) {
	r.t.Helper()
	p := schemas.ControlPartition(importName)
	end, err := r.reader.EndOffset(r.t.Context(), kafka.TP{Topic: r.topics.Reports(), Partition: p})
	if err != nil {
		r.t.Fatal(err)
	}
	r.await("the position", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.positions[schemas.PositionKey(p)].Reports == end
	})
}

func (r *rig) awaitRun(run, state string) schemas.Run {
	r.t.Helper()
	var got schemas.Run
	r.await(run+" "+state, func() bool { got = r.run(run); return got.State == state })
	return got
}

// awaitProjection waits until Redis shows the same as the log.
func (r *rig) awaitProjection(run string) {
	r.t.Helper()
	r.await("the projection of "+run, func() bool {
		want, err := json.Marshal(r.run(run))
		if err != nil {
			r.t.Fatal(err)
		}
		got, found, err := r.view.Run(r.t.Context(), run)
		if err != nil || !found {
			return false
		}
		text, err := json.Marshal(got)
		return err == nil && string(text) == string(want)
	})
}

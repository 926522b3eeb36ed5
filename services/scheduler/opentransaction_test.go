package scheduler_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas"
)

// said is a log handler that keeps the messages.
type said struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func (s *said) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	return nil
}

func (s *said) Enabled(context.Context, slog.Level) bool { return true }
func (s *said) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s *said) WithGroup(string) slog.Handler            { return s }

func (s *said) has(parts ...string) bool { return s.line(parts...) != "" }

// line returns the newest line with all the parts, "" if there is none.
func (s *said) line(parts ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range slices.Backward(s.lines) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			return line
		}
	}
	return ""
}

// TestAnOpenTransactionIsSaid: somebody leaves a transaction open in the commands.
// Imports of its partition wait until it ends, and the log says so; others continue.
func TestAnOpenTransactionIsSaid(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := &said{}
	r.tel.Logger = slog.New(log)
	waiting, other := "customers", "orders"
	for i := 0; schemas.ControlPartition(other) == schemas.ControlPartition(waiting); i++ {
		other += "x"
	}
	r.start()
	r.apply(definition(waiting))
	r.apply(definition(other))

	cfg := r.cfg.Kafka
	cfg.TransactionTimeout = 10 * time.Minute
	foreign, err := kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "somebody-else")
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	if err := foreign.Begin(); err != nil {
		t.Fatal(err)
	}
	tp := kafka.TP{Topic: r.topics.Commands(), Partition: schemas.ControlPartition(waiting)}
	before, err := r.reader.EndOffset(t.Context(), tp)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Produce(&kafka.Record{Topic: tp.Topic, Partition: tp.Partition, Key: []byte("nobody"), Value: []byte("{}")})
	r.await("the transaction is open", func() bool {
		end, err := r.reader.EndOffset(t.Context(), tp)
		return err == nil && end > before
	})

	r.command(waiting, schemas.CommandRun, nil)
	r.command(other, schemas.CommandRun, nil)
	r.awaitRun(other+".1", schemas.StateExtracting)
	r.await("it is said what the others wait for", func() bool { return log.has("an open transaction hides records", tp.Topic) })
	if run := r.run(waiting + ".1"); run.Run != "" {
		t.Errorf("a command behind the open transaction was obeyed: %+v", run)
	}
	if err := foreign.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.awaitRun(waiting+".1", schemas.StateExtracting)
	r.await("its end is said", func() bool { return log.has("the open transaction has ended") })
}

// TestARunSaysThatATransactionHidesItsReports: somebody leaves a transaction open in the
// reports. The run says what it waits for, since when, and goes on once it has ended.
func TestARunSaysThatATransactionHidesItsReports(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rec := telemetrytest.New(t, "scheduler")
	r.tel = rec.Telemetry
	r.start()
	r.apply(definition("users"))
	r.command("users", schemas.CommandRun, nil)
	r.awaitRun("users.1", schemas.StateExtracting)

	cfg := r.cfg.Kafka
	cfg.TransactionTimeout = 10 * time.Minute
	foreign, err := kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "somebody-else")
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	if err := foreign.Begin(); err != nil {
		t.Fatal(err)
	}
	tp := kafka.TP{Topic: r.topics.Reports(), Partition: schemas.ControlPartition("users")}
	foreign.Produce(&kafka.Record{Topic: tp.Topic, Partition: tp.Partition, Key: []byte("nobody"), Value: []byte("{}")})
	r.finish("users.1", 1, 10, 0, maximum)

	r.await("the run says what it waits for", func() bool { return r.run("users.1").Waiting != nil })
	w := r.run("users.1").Waiting
	if w.Code != schemas.WaitingTransaction || w.Account != tp.Topic || w.Since.IsZero() || !strings.Contains(w.Reason, "open since") {
		t.Errorf("the run waits: %+v", w)
	}
	name := fmt.Sprintf(`tapline_kafka_unstable{partition="%d",topic="%s"}`, tp.Partition, tp.Topic)
	r.await("the metric says how much is hidden", func() bool { return rec.Metrics(t, "tapline_kafka")[name] > 0 })
	if _, ok := rec.Metrics(t, "tapline_import")[`tapline_import_run_waiting_timestamp_seconds{code="open_transaction",import="users",stage="control"}`]; !ok {
		t.Error("no series says that the run waits")
	}
	if err := foreign.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done := r.awaitRun("users.1", schemas.StateSucceeded); done.Waiting != nil {
		t.Errorf("the closed run waits: %+v", done.Waiting)
	}
	r.await("nothing is hidden", func() bool { n, ok := rec.Metrics(t, "tapline_kafka")[name]; return ok && n == 0 })
}

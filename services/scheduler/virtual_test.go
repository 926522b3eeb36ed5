package scheduler_test

import (
	"context"
	"encoding/json"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/embedded"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler"
)

// pipes is a network inside the process. Its connections are pipes, so that synctest sees
// when all goroutines wait.
type pipes struct {
	conns chan net.Conn
	close sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) listen(string, string) (net.Listener, error) { return p, nil }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.close.Do(func() { close(p.done) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9092} }

// virtual is a broker and a Redis inside a bubble of synctest, for schedulers that a test
// starts and stops.
type virtual struct {
	t        *testing.T
	network  *pipes
	cfg      scheduler.Config
	deps     scheduler.Deps
	topics   schemas.Topics
	producer *kafka.Producer
	reader   *kafka.Reader
}

func newVirtual(t *testing.T) *virtual {
	t.Helper()
	network := newPipes()
	cluster, err := embedded.Start(embedded.Config{Listen: network.listen})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	server, _ := redistest.NewVirtual(t)
	cfg := scheduler.DefaultConfig()
	cfg.Kafka.Brokers = cluster.Addrs()
	cfg.Kafka.CreateTopics = true
	// What makes virtual time slow are heartbeats and timers.
	cfg.Kafka.SessionTimeout, cfg.Tick = time.Minute, 10*time.Second
	v := &virtual{
		t: t, network: network, cfg: cfg, topics: schemas.NewTopics(cfg.Kafka.Prefix),
		deps: scheduler.Deps{Telemetry: telemetry.Discard(), Redis: redis.Deps{Dial: server.Dial}},
	}
	tools := kafkatest.Deps()
	tools.Dial = network.dial
	if v.producer, err = kafka.OpenProducer(cfg.Kafka, tools); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.producer.Close)
	if v.reader, err = kafka.OpenReader(cfg.Kafka, tools); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.reader.Close)
	return v
}

// start runs a scheduler until the returned function is called, which waits for its end.
func (v *virtual) start(dial func(context.Context, string, string) (net.Conn, error)) (stop func()) {
	v.t.Helper()
	deps := v.deps
	deps.Health, deps.Kafka = daemon.NewHealth(), kafka.Deps{Dial: dial}
	service, err := scheduler.New(v.cfg, deps)
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(v.t.Context())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			v.t.Errorf("the scheduler ended with %v", err)
		}
	}
}

func (v *virtual) produce(importName string, def schemas.Definition) {
	v.t.Helper()
	record, err := control.Record(v.topics.Imports(), importName, importName, def, "definition", "test")
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.producer.Produce(v.t.Context(), record); err != nil {
		v.t.Fatal(err)
	}
}

func (v *virtual) triggers(importName string) (out []schemas.Trigger) {
	v.t.Helper()
	_, err := v.reader.ReadTo(v.t.Context(), kafka.TP{Topic: v.topics.Triggers(), Partition: schemas.ControlPartition(importName)}, 0, func(r *kafka.Record) error {
		var trigger schemas.Trigger
		if err := json.Unmarshal(r.Value, &trigger); err != nil {
			return err
		}
		out = append(out, trigger)
		return nil
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return out
}

// TestEveryInVirtualTime lets time pass: an import runs every minute, also after
// the scheduler was stopped for some minutes.
func TestEveryInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t)
		stop := v.start(v.network.dial)
		time.Sleep(63 * time.Second) // past the tick, so that only the alarm is on time
		began := time.Now()
		def := definition("customers")
		def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(time.Minute)}}
		def.Spec.Limits.Deadline = schemas.Duration(20 * time.Second) // each run fails long before the next is due
		v.produce("customers", def)
		time.Sleep(150 * time.Second)
		stop()
		time.Sleep(216 * time.Second)
		stop = v.start(v.network.dial)
		time.Sleep(2 * time.Minute)
		stop()

		var got []string
		for _, trigger := range v.triggers("customers") {
			due, err := time.Parse(time.RFC3339Nano, trigger.Key)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, trigger.Run+" due "+due.Sub(began).String()+" late "+trigger.Time.Sub(due).Truncate(time.Second).String())
		}
		want := []string{
			"customers.1 due 0s late 0s", // the first of an interval is at once
			"customers.2 due 1m0s late 0s", "customers.3 due 2m0s late 0s",
			"customers.4 due 6m0s late 6s", // four were missed: one run
			"customers.5 due 7m0s late 0s", "customers.6 due 8m0s late 0s",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("triggers (-want +got):\n%s", diff)
		}
	})
}

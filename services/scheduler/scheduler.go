package scheduler

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/alarm"
	"tapline.dev/services/scheduler/internal/book"
	"tapline.dev/services/scheduler/internal/partition"
	"tapline.dev/services/scheduler/internal/signals"
	"tapline.dev/services/scheduler/internal/upstream"
)

// Group is the scheduler's consumer group, without the prefix. It fetches
// nothing: it only says which scheduler owns which control partition.
const Group = "scheduler"

// name of the tracer and the meter.
const name = "tapline.dev/services/scheduler"

// Deps is what main passes in.
type Deps struct {
	Telemetry *telemetry.Telemetry
	Health    *daemon.Health
	// Kafka and Redis replace the network, for tests in virtual time.
	Kafka kafka.Deps
	Redis redis.Deps
}

// Service is the scheduler.
type Service struct {
	cfg      Config
	deps     Deps
	topics   schemas.Topics
	redis    *redis.Client
	metrics  *metrics
	board    *signals.Board
	instance string

	mu     sync.Mutex
	owners *owners // of the present membership, nil without one
}

// New wires the service; it connects to nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	deps.Kafka.Log, deps.Kafka.Meter = deps.Telemetry.Logger, deps.Telemetry.MeterProvider()
	deps.Kafka.Outages = kafka.NewOutages(deps.Telemetry.Logger)
	deps.Redis.Log, deps.Redis.Meter = deps.Telemetry.Logger, deps.Telemetry.Meter(name)
	client, err := redis.Open(cfg.Redis, deps.Redis)
	if err != nil {
		return nil, fmt.Errorf("opening the projection: %w", err)
	}
	m, err := newMetrics(deps.Telemetry.Meter(name))
	if err != nil {
		return nil, fmt.Errorf("creating metrics: %w", err)
	}
	if _, err := tlsconf.ExportExpiry(deps.Telemetry.Meter("tapline.dev/libs/tlsconf"), map[string]string{"kafka": cfg.Kafka.TLS.CertFile, "redis": cfg.Redis.TLS.CertFile}); err != nil {
		return nil, err
	}
	board, err := signals.New(deps.Telemetry, deps.Telemetry.Meter(name))
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, deps: deps, topics: schemas.NewTopics(cfg.Kafka.Prefix), redis: client, metrics: m, board: board, instance: rand.Text(),
	}
	deps.Health.Add("partitions", s.ready)
	deps.Health.AddDegrading("redis", client.Check)
	return s, nil
}

// ready reports what keeps the service from scheduling: no membership of the
// group, or a partition that is still being taken over. Redis is not asked, since
// nothing waits for it.
func (s *Service) ready(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners == nil {
		return errors.New("not a member of the scheduler's group yet")
	}
	return s.owners.ready()
}

// Run schedules until ctx ends. The steps in hand are committed before it
// returns; runs go on under the next owner.
func (s *Service) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.redis.Close()) }()
	clock, err := alarm.NewClock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clock.Close()) }()
	reader, err := kafka.OpenReader(s.cfg.Kafka, s.deps.Kafka)
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := kafka.AwaitTopics(ctx, s.cfg.Kafka, s.deps.Kafka, s.topics.Used("scheduler")); err != nil {
		return daemon.UnlessStopped(ctx, err)
	}
	if err := projection.Claim(ctx, reader, s.redis); err != nil {
		return err
	}
	imports, err := upstream.New(upstream.Config{Kafka: s.cfg.Kafka, Pause: s.cfg.TakeoverPause}, s.deps.Kafka)
	if err != nil {
		return err
	}
	var following sync.WaitGroup
	following.Go(func() { imports.Run(ctx) })
	defer following.Wait()
	deps := partition.Deps{
		Kafka: s.deps.Kafka, Reader: reader, Writer: projection.NewWriterOf(reader, s.redis), Clock: clock,
		Log: s.deps.Telemetry.Logger, Tracer: s.deps.Telemetry.Tracer(name), Observe: s.metrics, Board: s.board, Projected: s.metrics.Projected,
		Busy: imports.Busy, Ended: imports.Ended, Held: imports.Held,
	}
	s.rejoin(ctx, deps)
	return nil
}

func (s *Service) member(owners *owners) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners = owners
}

func (s *Service) partitionConfig() partition.Config {
	c := s.cfg
	return partition.Config{
		Kafka: c.Kafka, Linger: c.Linger, MaxBatch: c.MaxBatch, Tick: c.Tick, Pause: c.TakeoverPause, MaxPause: 16 * c.TakeoverPause,
		DrainTimeout: c.CommitTimeout, Instance: s.instance,
		Book: book.Config{
			MaxAttempts: c.MaxAttempts, RetryDelay: c.RetryDelay, RetryMax: c.RetryMax, Deadline: c.Deadline,
			ProgressEvery: c.ProgressEvery, CatchUpGrace: c.CatchUpGrace, AfterGrace: c.AfterGrace, AfterLimit: c.AfterLimit,
		},
	}
}

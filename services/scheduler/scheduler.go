package scheduler

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/projection"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/alarm"
	"tapline.dev/services/scheduler/internal/book"
	"tapline.dev/services/scheduler/internal/partition"
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
	ready    func(error)
	instance string
}

// New wires the service; it connects to nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	deps.Kafka.Log, deps.Kafka.Meter = deps.Telemetry.Logger, deps.Telemetry.MeterProvider()
	deps.Redis.Meter = deps.Telemetry.Meter(name)
	client, err := redis.Open(cfg.Redis, deps.Redis)
	if err != nil {
		return nil, fmt.Errorf("opening the projection: %w", err)
	}
	m, err := newMetrics(deps.Telemetry.Meter(name))
	if err != nil {
		return nil, fmt.Errorf("creating metrics: %w", err)
	}
	return &Service{
		cfg: cfg, deps: deps, topics: schemas.NewTopics(cfg.Kafka.Prefix), redis: client, metrics: m,
		ready: deps.Health.Gate("partitions"), instance: rand.Text(),
	}, nil
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
	if err := kafka.EnsureTopics(ctx, s.cfg.Kafka, s.deps.Kafka, s.topics.Catalogue()); err != nil {
		return s.unlessStopped(ctx, err)
	}
	owners := &owners{service: s, running: map[int32]*running{}, deps: partition.Deps{
		Kafka: s.deps.Kafka, Reader: reader, Writer: projection.NewWriter(s.redis), Clock: clock,
		Log: s.deps.Telemetry.Logger, Tracer: s.deps.Telemetry.Tracer(name), Observe: s.metrics,
	}}
	for ctx.Err() == nil {
		err := s.own(ctx, owners)
		if ctx.Err() != nil {
			break
		}
		s.ready(err)
		s.deps.Telemetry.Logger.WarnContext(ctx, "membership ended, joining again", "error", err)
		select {
		case <-time.After(s.cfg.TakeoverPause):
		case <-ctx.Done():
		}
	}
	return nil
}

// own is one membership of the group.
func (s *Service) own(ctx context.Context, owners *owners) error {
	defer owners.stopAll()
	group, err := kafka.OpenGroup(s.cfg.Kafka, s.deps.Kafka, kafka.GroupConfig{
		Group: Group, Topics: []string{s.topics.Reports()}, OwnershipOnly: true,
		Assigned: func(_ context.Context, tps []kafka.TP) { owners.start(ctx, tps) },
		Revoked:  func(_ context.Context, tps []kafka.TP) { owners.stop(tps) },
		Lost:     func(_ context.Context, tps []kafka.TP) { owners.stop(tps) },
	})
	if err != nil {
		return err
	}
	// Close calls Revoked, which waits for the last steps, before it leaves.
	defer group.Close()
	s.ready(nil)
	for ctx.Err() == nil {
		if _, err := group.Poll(ctx, 1); err != nil {
			return s.unlessStopped(ctx, err)
		}
	}
	return nil
}

func (s *Service) unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Service) partitionConfig() partition.Config {
	c := s.cfg
	return partition.Config{
		Kafka: c.Kafka, Linger: c.Linger, MaxBatch: c.MaxBatch, Tick: c.Tick, Pause: c.TakeoverPause,
		DrainTimeout: c.CommitTimeout, Instance: s.instance,
		Book: book.Config{
			MaxAttempts: c.MaxAttempts, RetryDelay: c.RetryDelay, RetryMax: c.RetryMax, Deadline: c.Deadline,
			ProgressEvery: c.ProgressEvery, CatchUpGrace: c.CatchUpGrace,
		},
	}
}

// owners runs one goroutine for each partition that the group has assigned.
type owners struct {
	service *Service
	deps    partition.Deps

	mu      sync.Mutex
	running map[int32]*running
}

type running struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (o *owners) start(ctx context.Context, tps []kafka.TP) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, tp := range tps {
		if _, ok := o.running[tp.Partition]; ok {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		r := &running{cancel: cancel, done: make(chan struct{})}
		o.running[tp.Partition] = r
		owner := partition.New(tp.Partition, o.service.partitionConfig(), o.deps)
		go func() {
			defer close(r.done)
			owner.Run(ctx, func() {
				o.deps.Log.InfoContext(ctx, "partition taken over", "partition", tp.Partition)
			})
		}()
	}
}

// stop ends owners and waits for their last step.
func (o *owners) stop(tps []kafka.TP) {
	o.mu.Lock()
	var stopping []*running
	for _, tp := range tps {
		if r, ok := o.running[tp.Partition]; ok {
			stopping = append(stopping, r)
			delete(o.running, tp.Partition)
		}
	}
	o.mu.Unlock()
	for _, r := range stopping {
		r.cancel()
	}
	for _, r := range stopping {
		<-r.done
	}
}

func (o *owners) stopAll() {
	o.mu.Lock()
	var tps []kafka.TP
	for p := range o.running {
		tps = append(tps, kafka.TP{Partition: p})
	}
	o.mu.Unlock()
	o.stop(tps)
}

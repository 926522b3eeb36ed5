package extractor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"tapline.dev/domain/projection"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/snowflake"
)

// Group is the extractor's consumer group, without the prefix. It fetches
// nothing: it only says which extractor owns which control partition.
const Group = "extractor"

// slowChunk is the time from a chunk's rows to its commit after which its span is kept in
// every case.
const slowChunk = 30 * time.Second

// name of the tracer and the meter.
const name = "tapline.dev/services/extractor"

// Deps is what main passes in.
type Deps struct {
	Telemetry *telemetry.Telemetry
	Health    *daemon.Health
	// Kafka and Redis replace the network, for tests in virtual time.
	Kafka kafka.Deps
	Redis redis.Deps
}

// Service is the extractor.
type Service struct {
	cfg        Config
	deps       Deps
	topics     schemas.Topics
	redis      *redis.Client
	ledger     ledger.Store
	states     *states
	resources  *resources
	suppressed *suppression.List
	metrics    metrics
	tracer     trace.Tracer
	spans      *telemetry.Parts // of chunks
	statements *telemetry.Parts // their spans
	ready      func(error)
	slots      chan struct{} // one for each attempt at work
	trials     chan struct{} // one for each trial: none waits behind a long extraction
	open       opener
	budget     *budget
	idle       *idleSessions

	// Opened by Run.
	reader   *kafka.Reader
	presence kafka.Presence
	producer *kafka.Producer
}

// New wires the service; it connects to nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	deps.Kafka.Log, deps.Kafka.Meter = deps.Telemetry.Logger, deps.Telemetry.MeterProvider()
	deps.Kafka.Outages = kafka.NewOutages(deps.Telemetry.Logger)
	deps.Redis.Log, deps.Redis.Meter = deps.Telemetry.Logger, deps.Telemetry.Meter(name)
	s := &Service{
		cfg: cfg, deps: deps,
		topics: schemas.NewTopics(cfg.Kafka.Prefix),
		tracer: deps.Telemetry.Tracer(name),
		ready:  deps.Health.Gate("partitions"),
		slots:  make(chan struct{}, cfg.Concurrency),
		trials: make(chan struct{}, cfg.Concurrency),
		budget: newBudget(int64(cfg.ChunkMemory)),
		idle:   &idleSessions{},
	}
	s.spans = telemetry.NewParts(s.tracer, "extract chunk", slowChunk)
	s.statements = telemetry.NewParts(s.tracer, "execute statement", cfg.Snowflake.StatementTimeout)
	s.open = openSnowflake(snowflake.Config{
		LoginTimeout: cfg.Snowflake.LoginTimeout, StatementTimeout: cfg.Snowflake.StatementTimeout,
		QueuedTimeout: cfg.Snowflake.QueuedTimeout, StallTimeout: cfg.Snowflake.StallTimeout,
		ChunkTries: cfg.Snowflake.ChunkTries, ChunkMegabytes: cfg.Snowflake.ChunkMegabytes, AllowCustomEndpoints: cfg.AllowCustomEndpoints,
	}, deps.Telemetry.Logger)
	var err error
	if s.metrics, err = newMetrics(deps.Telemetry); err != nil {
		return nil, fmt.Errorf("creating metrics: %w", err)
	}
	if _, err := tlsconf.ExportExpiry(deps.Telemetry.Meter("tapline.dev/libs/tlsconf"), map[string]string{"kafka": cfg.Kafka.TLS.CertFile, "redis": cfg.Redis.TLS.CertFile}); err != nil {
		return nil, err
	}
	if s.redis, err = redis.Open(cfg.Redis, deps.Redis); err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	deps.Health.Add("kafka", func(context.Context) error { return s.presence.Err(cfg.Kafka.SessionTimeout) })
	deps.Health.AddDegrading("redis", s.redis.Check)
	s.ledger = ledger.Within(s.redis, s.deployment)
	if s.states, err = newStates(cfg.Kafka, deps.Kafka, s.topics); err != nil {
		return nil, err
	}
	if s.suppressed, err = suppression.Open(cfg.Suppression, cfg.Kafka, deps.Kafka); err != nil {
		return nil, err
	}
	if s.resources, err = newResources(cfg.Kafka, deps.Kafka, cfg.Secrets, cfg.Egress); err != nil {
		return nil, err
	}
	return s, nil
}

// Run extracts until ctx ends. Transactions in hand are committed before it
// returns; attempts go on under the next owner.
func (s *Service) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.redis.Close()) }()
	if s.reader, err = kafka.OpenReader(s.cfg.Kafka, s.deps.Kafka); err != nil {
		return err
	}
	defer s.reader.Close()
	if s.producer, err = kafka.OpenProducer(s.cfg.Kafka, s.deps.Kafka); err != nil {
		return err
	}
	defer s.producer.Close()
	if err := kafka.AwaitTopics(ctx, s.cfg.Kafka, s.deps.Kafka, s.topics.Used("extractor")); err != nil {
		return daemon.UnlessStopped(ctx, err)
	}
	if err := projection.Claim(ctx, s.reader, s.redis); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.states.table.Run(ctx) })
	group.Go(func() error { return s.resources.view.Run(ctx) })
	group.Go(func() error { return s.suppressed.Run(ctx) })
	group.Go(func() error { s.rejoin(ctx); return nil })
	return group.Wait()
}

// deployment names this deployment in the keys of ledgers.
func (s *Service) deployment(ctx context.Context) (string, error) {
	d, err := s.reader.Deployment(ctx)
	return d.Key(), err
}

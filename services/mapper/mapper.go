package mapper

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/domain/runs"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/schemas"
)

// Group is the mapper's consumer group, without the prefix.
const Group = "mapper"

// slowBatch is the time from a batch's first row to its commit after which its span is kept
// in every case.
const slowBatch = 5 * time.Second

// Deps is what main passes in.
type Deps struct {
	Telemetry *telemetry.Telemetry
	Health    *daemon.Health
	// Kafka replaces the network, for tests that cut it.
	Kafka kafka.Deps
}

// Service is the mapper.
type Service struct {
	cfg        Config
	deps       Deps
	kafka      kafka.Deps
	topics     schemas.Topics
	runs       *runs.View
	rules      *rules
	suppressed *suppression.List
	reader     *kafka.Reader
	reports    *kafka.Producer // of what is in no transaction
	imports    *runs.Subscription
	lag        *kafka.LagWatch
	metrics    metrics
	spans      *telemetry.Parts // of batches
	workers    []*worker
}

// New wires the service; it connects to nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	s := &Service{
		cfg: cfg, deps: deps,
		kafka:  kafka.Deps{Log: deps.Telemetry.Logger, Outages: kafka.NewOutages(deps.Telemetry.Logger), Meter: deps.Telemetry.MeterProvider(), Dial: deps.Kafka.Dial},
		topics: schemas.NewTopics(cfg.Kafka.Prefix),
		spans:  telemetry.NewParts(deps.Telemetry.Tracer("tapline.dev/services/mapper"), "map batch", slowBatch),
	}
	var err error
	if s.cfg.Instance == "" {
		if s.cfg.Instance, err = os.Hostname(); err != nil || s.cfg.Instance == "" {
			return nil, fmt.Errorf("%w: instance: set it, because this machine has no name: %w", config.ErrInvalid, err)
		}
	}
	if s.metrics, err = newMetrics(deps.Telemetry); err != nil {
		return nil, err
	}
	if _, err := tlsconf.ExportExpiry(deps.Telemetry.Meter("tapline.dev/libs/tlsconf"), map[string]string{"kafka": cfg.Kafka.TLS.CertFile}); err != nil {
		return nil, err
	}
	if s.runs, err = runs.Open(cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	if s.reader, err = kafka.OpenReader(cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	if s.reports, err = kafka.OpenProducer(cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	if s.rules, err = openRules(cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	if s.suppressed, err = suppression.Open(cfg.Suppression, cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	if s.imports, err = runs.OpenSubscription(cfg.Kafka, s.kafka, s.topics.Rows, s.topics.DryRunRows()); err != nil {
		return nil, err
	}
	s.workers = s.newWorkers(newReadiness(cfg.Parallel, deps.Health.Gate("consuming")))
	deps.Health.Add("kafka", func(context.Context) error {
		for _, w := range s.workers {
			if err := w.presence.Err(cfg.Kafka.SessionTimeout); err != nil {
				return err
			}
		}
		return nil
	})
	return s, s.watchLag()
}

// Run maps until ctx ends, and finishes the transaction in hand.
func (s *Service) Run(ctx context.Context) error {
	defer s.reader.Close()
	defer s.reports.Close()
	starting := kafka.AwaitTopics(ctx, s.cfg.Kafka, s.kafka, s.topics.Used("mapper"))
	if starting != nil {
		starting = daemon.UnlessStopped(ctx, starting)
		stopped, stop := context.WithCancel(ctx)
		stop() // what New has opened is closed below
		ctx = stopped
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.runs.Run(ctx) })
	group.Go(func() error { return s.imports.Run(ctx) })
	group.Go(func() error { return s.rules.run(ctx) })
	group.Go(func() error { s.lag.Run(ctx); return nil })
	group.Go(func() error { return s.suppressed.Run(ctx) })
	for _, w := range s.workers {
		group.Go(func() error {
			if starting != nil || ctx.Err() != nil {
				return starting
			}
			if err := w.aloneInName(ctx); err != nil {
				return err
			}
			w.rejoin(ctx)
			return nil
		})
	}
	return group.Wait()
}

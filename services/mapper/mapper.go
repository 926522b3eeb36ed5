package mapper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

// Group is the mapper's consumer group, without the prefix.
const Group = "mapper"

// Deps is what main passes in.
type Deps struct {
	Telemetry *telemetry.Telemetry
	Health    *daemon.Health
	// Kafka replaces the network, for tests that cut it.
	Kafka kafka.Deps
}

// Service is the mapper.
type Service struct {
	cfg     Config
	deps    Deps
	kafka   kafka.Deps
	topics  schemas.Topics
	runs    *runs.View
	rules   *rules
	imports *runs.Subscription
	metrics metrics
	tracer  trace.Tracer
	ready   func(error)
}

// New wires the service; it connects to nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	s := &Service{
		cfg: cfg, deps: deps,
		kafka:  kafka.Deps{Log: deps.Telemetry.Logger, Meter: deps.Telemetry.MeterProvider(), Dial: deps.Kafka.Dial},
		topics: schemas.NewTopics(cfg.Kafka.Prefix),
		tracer: deps.Telemetry.Tracer("tapline.dev/services/mapper"),
		ready:  deps.Health.Gate("consuming"),
	}
	var err error
	if s.metrics, err = newMetrics(deps.Telemetry.Meter("tapline.dev/services/mapper")); err != nil {
		return nil, err
	}
	if s.runs, err = runs.Open(cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	if s.rules, err = openRules(cfg.Kafka, s.kafka); err != nil {
		return nil, err
	}
	if s.imports, err = runs.OpenSubscription(cfg.Kafka, s.kafka, s.topics.Rows, s.topics.DryRunRows()); err != nil {
		return nil, err
	}
	return s, nil
}

// Run maps until ctx ends, and finishes the transaction in hand.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.runs.Run(ctx) })
	group.Go(func() error { return s.imports.Run(ctx) })
	group.Go(func() error { return s.rules.run(ctx) })
	group.Go(func() error {
		s.rejoin(ctx)
		return nil
	})
	return group.Wait()
}

// step maps one poll in one transaction, or gives it back when some of it cannot
// be mapped.
func (s *Service) step(ctx context.Context, member *kafka.GroupTransactor, held *holds, rows []*kafka.Record) error {
	began := time.Now()
	batch := s.newBatch()
	defer batch.end()
	blocked, err := batch.addAll(ctx, rows)
	if err != nil {
		return err
	}
	// The transaction in hand is finished even when ctx has ended: cancelling it
	// half way would leave its outcome unknown.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Kafka.SessionTimeout)
	defer cancel()
	if len(blocked) > 0 {
		return s.hold(ctx, held, blocked)
	}
	out, err := batch.finish()
	if err != nil {
		return err
	}
	failpoint.Hit("mapper.before-begin")
	if err := member.Begin(); err != nil {
		return err
	}
	member.Produce(out...)
	failpoint.Hit("mapper.before-commit")
	committed, err := member.Commit(ctx)
	if err != nil {
		return errors.Join(err, member.ProduceError())
	}
	failpoint.Hit("mapper.after-commit")
	s.metrics.transaction(ctx, committed, time.Since(began))
	if err := member.ProduceError(); !committed && err != nil {
		// Not the group, but a record: this client may never get it through, such as
		// into a topic that was made anew.
		return fmt.Errorf("writing what rows became: %w", err)
	}
	if !committed {
		// The rows are polled again, by this member or the partition's next owner.
		s.deps.Telemetry.Logger.InfoContext(ctx, "transaction aborted, its rows are mapped again", slog.Int("rows", len(rows)))
		return nil
	}
	held.mapped(rows)
	batch.count(ctx)
	return nil
}

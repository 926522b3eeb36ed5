// Package partition is the owner of one control partition: it takes the
// partition over, keeps its book, and writes each step in one transaction.
package partition

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/alarm"
	"tapline.dev/services/scheduler/internal/book"
	"tapline.dev/services/scheduler/internal/projector"
	"tapline.dev/services/scheduler/internal/signals"
)

// Config is the same for every partition.
type Config struct {
	Kafka kafka.Config
	Book  book.Config
	// Linger is how long a step waits for more records, MaxBatch how many it takes.
	Linger   time.Duration
	MaxBatch int
	// Tick is how often a step is made while no record arrives.
	Tick time.Duration
	// Pause is waited before a takeover is repeated. It doubles up to MaxPause while
	// terms end sooner than that.
	Pause    time.Duration
	MaxPause time.Duration
	// DrainTimeout bounds the transaction in hand when the partition is given up.
	DrainTimeout time.Duration
	// Instance distinguishes this process from others in the ids of writes of the projection.
	Instance string
}

// Deps are shared by all partitions of a process.
type Deps struct {
	Kafka   kafka.Deps
	Reader  *kafka.Reader
	Writer  *projection.Writer
	Clock   *alarm.Clock
	Log     *slog.Logger
	Tracer  trace.Tracer
	Observe Observer
	Board   *signals.Board
	// Projected counts an attempt to bring Redis up to date.
	Projected func(ctx context.Context, err error)
	Busy      book.Busy
	Ended     book.Ended
	Held      book.Held
}

// Observer counts what the owners do.
type Observer interface {
	Step(ctx context.Context, records int, took time.Duration)
	Takeover(ctx context.Context, err error)
	Unreadable(ctx context.Context, topic string)
}

// Owner owns one control partition from New to the end of Run.
type Owner struct {
	cfg       Config
	deps      Deps
	partition int32
	topics    schemas.Topics
	alarm     *alarm.Alarm
	log       *slog.Logger
}

// New returns the owner of a partition; Run does its work.
func New(partition int32, cfg Config, deps Deps) *Owner {
	return &Owner{
		cfg: cfg, deps: deps, partition: partition, topics: schemas.NewTopics(cfg.Kafka.Prefix),
		alarm: deps.Clock.New(), log: deps.Log.With(slog.Int("partition", int(partition))),
	}
}

// Run takes the partition over and keeps it until ctx ends; ready is called
// after each takeover. Any error ends a term, and the next one begins from the
// log alone: what was not committed has no effect. This holds for a fenced owner too:
// the group still assigns it the partition as long as ctx lives.
//
// What ends a term may end the next one as soon: a damaged batch, for as long as
// nobody repairs it. Each takeover reads every fold of the partition, so the waits
// between them grow, until a term has lasted beyond its takeover.
func (o *Owner) Run(ctx context.Context, ready func()) {
	for failures := 0; ; failures++ {
		var taken time.Time
		err := o.term(ctx, func() { taken = time.Now(); ready() })
		if ctx.Err() != nil {
			return
		}
		if !taken.IsZero() && time.Since(taken) > o.cfg.MaxPause {
			failures = 0
		}
		pause := backoff.Delay(failures, o.cfg.Pause, o.cfg.MaxPause)
		o.log.WarnContext(ctx, "the partition is taken over again", slog.Any("error", err), slog.Duration("in", pause))
		if backoff.Wait(ctx, pause) != nil {
			return
		}
	}
}

// term is the time from one takeover to the first error.
func (o *Owner) term(ctx context.Context, ready func()) error {
	// Fence first, then read, then act: nothing that an older owner had under way
	// can become visible after the transactor is open, and load asks for the end offsets
	// up to which it reads after that.
	tx, err := kafka.OpenTransactor(ctx, o.cfg.Kafka, o.deps.Kafka, fmt.Sprintf("scheduler-%d", o.partition))
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	defer tx.Close()
	t := &term{Owner: o, tx: tx}
	err = t.load(ctx)
	o.deps.Observe.Takeover(ctx, err)
	if err != nil {
		return fmt.Errorf("taking over: %w", err)
	}
	tail, err := kafka.OpenTail(o.cfg.Kafka, o.deps.Kafka, t.from())
	if err != nil {
		return err
	}
	defer tail.Close()

	ctx, cancel := context.WithCancel(ctx)
	projected := make(chan struct{})
	go func() {
		defer close(projected)
		t.projector.Run(ctx)
	}()
	polls := make(chan poll)
	polled := make(chan struct{})
	go func() {
		defer close(polled)
		follow(ctx, tail, o.cfg.MaxBatch, polls)
	}()
	defer func() {
		cancel()
		<-projected
		<-polled
	}()
	t.deps.Board.Take(ctx, t.partition, t.book.AllFacts(), t.projector.Age)
	defer t.deps.Board.Drop(t.partition)
	ready()
	return t.keep(ctx, polls)
}

func (o *Owner) newProjector() *projector.Projector {
	return projector.New(projector.Config{
		Partition: o.partition, WriterID: o.cfg.Instance, Every: o.cfg.Tick,
	}, projector.Deps{
		Writer: o.deps.Writer, Log: o.deps.Log, Outcome: o.deps.Projected,
		ReadRuns: o.readRuns,
	})
}

func (o *Owner) tp(topic string) kafka.TP { return kafka.TP{Topic: topic, Partition: o.partition} }

// poll is one answer of the tail.
type poll struct {
	records []*kafka.Record
	err     error
}

// follow polls ahead, so that a step can wait for records and the clock at once.
func follow(ctx context.Context, tail *kafka.Tail, limit int, out chan<- poll) {
	for {
		records, err := tail.Poll(ctx, limit)
		if ctx.Err() != nil {
			return
		}
		select {
		case out <- poll{records, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

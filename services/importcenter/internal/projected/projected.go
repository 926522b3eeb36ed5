// Package projected reads the projection as long as it shows what the log says. Redis may
// answer and refuse to write, or be a replica that was behind when it took over: what it
// holds then is what it held before, and nobody would notice.
package projected

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

const (
	// DefaultAllowed is for how long Redis may lack an event: the scheduler writes it within
	// milliseconds of its commit.
	DefaultAllowed = 5 * time.Second
	// lookEvery is how often the projection's position is read.
	lookEvery = time.Second
	// maxMissing bounds how many events' times are kept of a partition.
	maxMissing = 1000
)

// StaleError says that the projection lacks events that were committed a while ago.
type StaleError struct {
	Since     time.Time
	Partition int32
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("the projection has lacked committed events of control partition %d since %s: Redis answers, but is not written to",
		e.Partition, e.Since.UTC().Format(time.RFC3339))
}

// Positions tells up to which offset of the runs topic the projection goes.
type Positions interface {
	Progress(ctx context.Context, partition int32) (projection.Progress, error)
}

// Reader is a projection.Reader that returns a StaleError in place of old values. Safe for
// concurrent use.
type Reader struct {
	*projection.Reader
	positions Positions
	allowed   time.Duration
	outage    *telemetry.Outage

	mu         sync.Mutex
	partitions [schemas.ControlPartitions]partition
}

// partition is what is known of one control partition.
type partition struct {
	shown  int64   // Redis shows the events below
	newest event   // of the log
	lacks  []event // that Redis does not show yet, some of them, oldest first
}

// event is an offset, and when its record was seen.
type event struct {
	offset int64
	seen   time.Time
}

// New returns a reader of a projection that may lack an event for as long as allowed.
// Until Follow has begun it takes Redis for up to date.
func New(reader *projection.Reader, positions Positions, allowed time.Duration, log *slog.Logger) *Reader {
	r := &Reader{Reader: reader, positions: positions, allowed: allowed, outage: telemetry.NewOutage(log, telemetry.OutageTexts{
		Begins: "Redis lacks runs that the log has: answers come from the log", Lasts: "Redis still lacks runs that the log has", Ends: "Redis shows what the log has again",
	})}
	for p := range r.partitions {
		r.partitions[p].newest.offset = -1
	}
	return r
}

// Follow compares the projection's positions with the runs topic until ctx ends. tail
// follows the topic from the given offsets.
func (r *Reader) Follow(ctx context.Context, topic string, tail func(ctx context.Context, from map[kafka.TP]int64, fn func(*kafka.Record) error) error) error {
	from := map[kafka.TP]int64{}
	for backoff.Wait(ctx, 0) == nil {
		if err := r.look(ctx); err == nil {
			break
		}
		if backoff.Wait(ctx, lookEvery) != nil {
			return nil
		}
	}
	r.mu.Lock()
	for p := range r.partitions {
		from[kafka.TP{Topic: topic, Partition: int32(p)}] = r.partitions[p].shown
	}
	r.mu.Unlock()
	var looking sync.WaitGroup
	looking.Go(func() { r.keepLooking(ctx) })
	defer looking.Wait() // whoever stops this closes Redis next
	for ctx.Err() == nil {
		err := tail(ctx, from, func(rec *kafka.Record) error {
			from[kafka.TP{Topic: topic, Partition: rec.Partition}] = rec.Offset + 1
			r.seen(rec, time.Now())
			return nil
		})
		if err != nil && backoff.Wait(ctx, lookEvery) != nil {
			break
		}
	}
	return nil
}

func (r *Reader) keepLooking(ctx context.Context) {
	for backoff.Wait(ctx, lookEvery) == nil {
		_ = r.look(ctx) // a Redis that is away is noticed by whoever reads
	}
}

// look reads how far the projection goes.
func (r *Reader) look(ctx context.Context) error {
	for p := range r.partitions {
		progress, err := r.positions.Progress(ctx, int32(p))
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.partitions[p].show(progress.Offset, time.Now())
		r.mu.Unlock()
	}
	if err := r.stale(); err != nil {
		r.outage.Failed(ctx, err)
	} else {
		r.outage.Worked(ctx)
	}
	return nil
}

// show notes that Redis shows the events below an offset. It may be less than before.
func (p *partition) show(offset int64, now time.Time) {
	p.shown = offset
	n := 0
	for n < len(p.lacks) && p.lacks[n].offset < offset {
		n++
	}
	p.lacks = p.lacks[n:]
	if len(p.lacks) == 0 && p.newest.offset >= offset {
		p.lacks = append(p.lacks, event{p.newest.offset, now})
	}
}

// seen notes an event of the log. Records that are no events are not shown either.
func (r *Reader) seen(rec *kafka.Record, now time.Time) {
	var run schemas.Run
	if json.Unmarshal(rec.Value, &run) != nil || int(rec.Partition) >= len(r.partitions) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.partitions[rec.Partition]
	if rec.Offset <= p.newest.offset {
		p.lacks = nil // the topic was made anew: Redis will never show the events of the former one
	}
	p.newest = event{rec.Offset, now}
	if rec.Offset < p.shown || len(p.lacks) >= maxMissing {
		return
	}
	// A second's worth of events needs one entry: the oldest decides.
	if n := len(p.lacks); n > 0 && now.Sub(p.lacks[n-1].seen) < lookEvery {
		return
	}
	p.lacks = append(p.lacks, p.newest)
}

// stale returns a StaleError if the projection has lacked an event for too long.
func (r *Reader) stale() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.partitions {
		if lacks := r.partitions[i].lacks; len(lacks) > 0 && time.Since(lacks[0].seen) > r.allowed {
			return &StaleError{Since: lacks[0].seen, Partition: int32(i)}
		}
	}
	return nil
}

// Check is a readiness check.
func (r *Reader) Check(context.Context) error { return r.stale() }

// Run returns one run, and false if the projection has none of that name.
func (r *Reader) Run(ctx context.Context, run string) (schemas.Run, bool, error) {
	if err := r.stale(); err != nil {
		return schemas.Run{}, false, err
	}
	return r.Reader.Run(ctx, run)
}

// Runs returns a page of runs.
func (r *Reader) Runs(ctx context.Context, q projection.Query) (projection.Page, error) {
	if err := r.stale(); err != nil {
		return projection.Page{}, err
	}
	return r.Reader.Runs(ctx, q)
}

// Named returns those of the named runs that exist.
func (r *Reader) Named(ctx context.Context, names []string) ([]schemas.Run, error) {
	if err := r.stale(); err != nil {
		return nil, err
	}
	return r.Reader.Named(ctx, names)
}

// Listings returns every import in the order of their names.
func (r *Reader) Listings(ctx context.Context) ([]schemas.Listing, error) {
	if err := r.stale(); err != nil {
		return nil, err
	}
	return r.Reader.Listings(ctx)
}

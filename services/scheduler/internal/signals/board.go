// Package signals is what the scheduler tells Prometheus about the imports of the control
// partitions that it owns. Everything in it comes from the log: it exists as soon as a
// partition has been taken over, and ends when the partition is given up.
package signals

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/schemas/metrics"
	"tapline.dev/services/scheduler/internal/book"
)

// RunTime is how long a run may take after its due instant before the import is late.
const RunTime = 15 * time.Minute

// unaccountedAfter is how long a due instant may have passed before the scheduler acts on it.
const unaccountedAfter = 10 * time.Second

// Board holds the facts of all owned partitions. The partitions' goroutines put them
// there, and scrapes read them.
type Board struct {
	tel      *telemetry.Telemetry
	rows     metric.Int64Counter
	rejects  metric.Int64Counter
	runs     metric.Int64Counter
	duration metric.Float64Histogram

	mu         sync.Mutex
	partitions map[int32]*part
}

// part is one owned partition.
type part struct {
	imports map[string]*known
	hidden  map[string]Hidden // by topic
	// projection is how long Redis has not shown all of the partition.
	projection func() time.Duration
}

// known is an import, with what was computed of it.
type known struct {
	*book.Facts
	overdue time.Time // the oldest due instant that is not covered, passed or not; zero without one
	promise promise
}

// Hidden says that an open transaction hides the end of a control topic.
type Hidden struct {
	Records int64
	Since   time.Time
}

// New exports the board.
func New(tel *telemetry.Telemetry, meter metric.Meter) (*Board, error) {
	in := telemetry.NewInstruments(meter)
	b := &Board{
		tel: tel, rows: in.Counter(metrics.ImportRows), rejects: in.Counter(metrics.ImportRejects),
		runs: in.Counter(metrics.Runs), duration: in.Histogram(metrics.RunDuration), partitions: map[int32]*part{},
	}
	in.Observe(func(o telemetry.Observer) { b.observe(o, time.Now()) },
		metrics.ImportInfo, metrics.ImportState, metrics.ImportHealth, metrics.Imports, metrics.ImportLastSuccess, metrics.ImportLastRun,
		metrics.ImportWatermark, metrics.ImportFreshness, metrics.ImportFreshnessPromised, metrics.ImportOverdue, metrics.ImportNextDue,
		metrics.ImportHeldSince, metrics.ImportRunStarted, metrics.ImportRunProgress, metrics.ImportRunWaiting, metrics.ImportRunRows,
		metrics.DueUnaccounted, metrics.SchedulerPartitions, metrics.ProjectionAge, metrics.Unstable, metrics.UnstableAge)
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("exporting imports: %w", err)
	}
	return b, nil
}

// Take begins the facts of a partition that was taken over. projection says how long Redis
// has not shown all of it.
func (b *Board) Take(ctx context.Context, partition int32, all []*book.Facts, projection func() time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &part{imports: map[string]*known{}, hidden: map[string]Hidden{}, projection: projection}
	b.partitions[partition] = p
	for _, f := range all {
		p.imports[f.Import] = newKnown(f)
		b.bear(ctx, f.Import)
	}
}

// Drop ends the series of a partition that was given up.
func (b *Board) Drop(partition int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.partitions, partition)
}

// Put takes what a committed step has changed of an import: facts is nil once it is
// deleted, closed are the runs of it that ended.
func (b *Board) Put(ctx context.Context, partition int32, importName string, facts *book.Facts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.partitions[partition]
	if !ok {
		return
	}
	before := p.imports[importName]
	if facts == nil {
		delete(p.imports, importName)
		return
	}
	if before == nil {
		b.bear(ctx, importName)
		before = &known{Facts: &book.Facts{}}
	}
	b.count(ctx, before.Facts, facts.Import, facts.Run, facts.Counts, facts.RejectsByCode)
	p.imports[importName] = newKnown(facts)
}

// Closed counts a run that ended. It comes before Put, which may bring the next run.
func (b *Board) Closed(ctx context.Context, partition int32, r schemas.Run, traceparent string) {
	label := b.tel.ImportLabel(r.Import)
	b.runs.Add(ctx, 1, metric.WithAttributes(label, attribute.String("state", r.State)))
	if r.FinishedAt != nil {
		b.duration.Record(telemetry.ContextWith(ctx, traceparent), r.FinishedAt.Sub(r.StartedAt).Seconds(),
			metric.WithAttributes(attribute.String("state", r.State)))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.partitions[partition]; ok {
		if before := p.imports[r.Import]; before != nil {
			b.count(ctx, before.Facts, r.Import, r.Run, r.Counts, r.RejectsByCode)
			after := *before.Facts
			after.Run, after.Counts, after.RejectsByCode = r.Run, r.Counts, r.RejectsByCode
			before.Facts = &after
		}
	}
}

// Hide says what open transactions hide of a partition's topics.
func (b *Board) Hide(partition int32, hidden map[string]Hidden) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.partitions[partition]; ok {
		p.hidden = hidden
	}
}

// bear makes the counters of an import, so that its first failure is an increase.
func (b *Board) bear(ctx context.Context, importName string) {
	label := b.tel.ImportLabel(importName)
	for _, state := range metrics.EndStates() {
		b.runs.Add(ctx, 0, metric.WithAttributes(label, attribute.String("state", state)))
	}
	for _, outcome := range metrics.RowOutcomes() {
		if outcome != pending {
			b.rows.Add(ctx, 0, metric.WithAttributes(label, attribute.String("outcome", outcome)))
		}
	}
}

// count adds what a run has counted since before, which may be of an earlier run.
func (b *Board) count(ctx context.Context, before *book.Facts, importName, run string, now schemas.Counts, codes map[string]int64) {
	old, oldCodes := before.Counts, before.RejectsByCode
	if before.Run != run {
		old, oldCodes = schemas.Counts{}, nil
	}
	label := b.tel.ImportLabel(importName)
	was := byOutcome(old)
	for outcome, n := range byOutcome(now) {
		if more := n - was[outcome]; more > 0 && outcome != pending {
			b.rows.Add(ctx, more, metric.WithAttributes(label, attribute.String("outcome", outcome)))
		}
	}
	for code, n := range codes {
		if more := n - oldCodes[code]; more > 0 {
			b.rejects.Add(ctx, more, metric.WithAttributes(label, attribute.String("code", code)))
		}
	}
}

const pending = "pending"

// byOutcome are the counts by metrics.RowOutcomes.
func byOutcome(c schemas.Counts) map[string]int64 {
	out := map[string]int64{
		"read": c.Read, "loaded": c.Loaded, "unchanged": c.Unchanged, "stillRejected": c.StillRejected, "future": c.Future,
		"rejected": c.Rejected(), "skipped": c.Skipped(),
	}
	out[pending] = max(c.Read-c.Loaded-c.Unchanged-c.StillRejected-c.Future-c.Rejected()-c.Skipped(), 0)
	return out
}

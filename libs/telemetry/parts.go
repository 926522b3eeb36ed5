package telemetry

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// A run consists of many equal parts: chunks, batches, uploads. A trace that held a span
// of each would grow with the run. So some rows are chosen, by their position in the
// result: fewer and fewer the larger the result is. The extractor marks a chosen row by
// the flag "sampled" of the traceparent in its header, and the mapper marks the record
// that it becomes. Each stage keeps the spans of the parts that hold a marked row, so that
// a chosen row has its span in every stage, whichever process does the work and however
// often. Slow and failed parts are kept as well, fewer and fewer the more there are.
const (
	// keptAttribute says why the span of a part is there, leftOutAttribute how many parts
	// of the run this process has left out by then.
	keptAttribute    = attribute.Key("tapline.kept")
	leftOutAttribute = attribute.Key("tapline.left_out")

	keptPosition = "position"
	keptSlow     = "slow"
	keptFailed   = "failed"
	keptRetried  = "retried"
	keptNumber   = "number"

	// positionStep is the least distance of chosen rows.
	positionStep = 1024
	// maxCounted bounds the runs that Parts counts at a time.
	maxCounted = 1024
)

// Chosen reports whether the row at a position, from 1 on, is marked: every 1024th at
// first, later 16 in each doubling of the position.
func Chosen(position int64) bool { return position == 1 || sparse(position, positionStep) }

// sparse reports whether n is one of the multiples of step of which there are 31 up to
// 31 steps, and then 16 in each doubling.
func sparse(n, step int64) bool {
	if n <= 0 || n%step != 0 {
		return false
	}
	steps := uint64(n / step)
	shift := max(bits.Len64(steps)-5, 0)
	return steps&(1<<shift-1) == 0
}

// Marked reports whether a header's traceparent is that of a chosen row.
func Marked(traceparent []byte) bool {
	const length = 55 // version 00
	if len(traceparent) != length {
		return false
	}
	switch traceparent[length-1] {
	case '1', '3', '5', '7', '9', 'b', 'd', 'f':
		return true
	}
	return false
}

// Parts makes the spans of one kind of part. Safe for concurrent use.
type Parts struct {
	tracer trace.Tracer
	name   string
	slow   time.Duration

	mu     sync.Mutex
	counts countsByRun
}

// countsByRun are the counts of the runs that were seen last.
type countsByRun struct {
	runs   map[string]*partCounts
	oldest []string // in the order in which they were first seen
}

// partCounts are the parts of a run in this process.
type partCounts struct{ leftOut, unusual, numbered int64 }

// NewParts returns what makes spans of this name. A part that takes longer than slow is
// kept.
func NewParts(tracer trace.Tracer, name string, slow time.Duration) *Parts {
	return &Parts{tracer: tracer, name: name, slow: slow, counts: countsByRun{runs: map[string]*partCounts{}}}
}

// Start starts the span of a part of a run.
func (p *Parts) Start(ctx context.Context, run string, options ...trace.SpanStartOption) (context.Context, *Part) {
	ctx, span := p.tracer.Start(ctx, p.name, options...)
	part := &Part{Span: span, parts: p, run: run, began: time.Now(), marked: []byte(Traceparent(ctx))}
	part.plain = part.marked
	if Marked(part.marked) {
		part.plain = append([]byte{}, part.marked...)
		part.plain[len(part.plain)-1] = '0'
	}
	return ctx, part
}

// leaveOut says why the span of a part is kept, "" if it is left out, and how many were left out.
func (p *Parts) leaveOut(run string, kept, unusual string) (why string, leftOut int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts.of(run)
	if unusual != "" {
		if c.unusual++; sparse(c.unusual, 1) {
			return unusual, c.leftOut
		}
	}
	if kept == "" {
		c.leftOut++
	}
	return kept, c.leftOut
}

// of returns the counts of a run, and forgets the run that was first seen longest ago
// where there are too many.
func (c *countsByRun) of(run string) *partCounts {
	counts := c.runs[run]
	if counts == nil {
		counts = &partCounts{}
		c.runs[run] = counts
		if c.oldest = append(c.oldest, run); len(c.oldest) > maxCounted {
			delete(c.runs, c.oldest[0])
			c.oldest = c.oldest[1:]
		}
	}
	return counts
}

// Part is the span of a part. It is for one goroutine at a time, and must be ended.
type Part struct {
	trace.Span
	parts         *Parts
	run           string
	began         time.Time
	kept, unusual string
	marked, plain []byte // traceparents
}

// NoPart is of what has no span.
func NoPart() *Part { return &Part{Span: noop.Span{}} }

// Keep keeps the span because the part holds a chosen row.
func (p *Part) Keep() { p.kept = keptPosition }

// Header is the traceparent for a row of the part. The span of a part with a chosen row
// is kept.
func (p *Part) Header(chosen bool) []byte {
	if !chosen {
		return p.plain
	}
	p.Keep()
	return p.marked
}

// KeepSome keeps the spans of the first parts of a run, and some of the later ones. It is for
// parts without rows. It reports whether this one is kept.
func (p *Part) KeepSome() (kept bool) {
	p.parts.mu.Lock()
	defer p.parts.mu.Unlock()
	c := p.parts.counts.of(p.run)
	c.numbered++
	if kept = sparse(c.numbered, 1); kept {
		p.kept = keptNumber
	}
	return kept
}

// Retried notes that something of the part went wrong and is done again.
func (p *Part) Retried(code string) {
	p.unusual = keptRetried
	p.SetAttributes(attribute.String("error.type", code))
}

// Fail notes that the part has failed.
func (p *Part) Fail(code string) {
	p.unusual = keptFailed
	p.SetAttributes(attribute.String("error.type", code))
	p.SetStatus(codes.Error, code)
}

// End ends the span, or forgets it if it is left out: a span that is not ended is not
// exported.
func (p *Part) End(options ...trace.SpanEndOption) {
	if p.parts == nil {
		return
	}
	if p.unusual == "" && time.Since(p.began) > p.parts.slow {
		p.unusual = keptSlow
	}
	why, leftOut := p.parts.leaveOut(p.run, p.kept, p.unusual)
	if why == "" {
		return
	}
	p.SetAttributes(keptAttribute.String(why), leftOutAttribute.Int64(leftOut))
	p.Span.End(options...)
}

// Runs is how many runs are counted.
func (p *Parts) Runs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.counts.runs)
}

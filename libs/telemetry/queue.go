package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"tapline.dev/schemas/metrics"
)

// batch is how spans, or log records, are gathered before they are sent. What OTEL_BSP_*, or
// OTEL_BLRP_*, sets is used.
type batch struct {
	// delay is short because a killed process loses what it has not sent.
	delay time.Duration
	// queue bounds the memory that a dead collector can cost.
	queue int
	// timeout bounds one attempt to send.
	timeout time.Duration
}

func defaultBatch() batch { return batch{delay: time.Second, queue: 8192, timeout: 4 * time.Second} }

// lossLogEvery keeps a dead collector from filling the log.
const lossLogEvery = time.Minute

var errQueueFull = errors.New("the collector takes less than there is")

// boundedQueue counts what the SDK's queue would drop in silence: it lets no more spans
// into that queue than it holds.
type boundedQueue struct {
	sdktrace.SpanProcessor
	waiting *atomic.Int64
	most    int64
	losses  *losses
}

func newBoundedQueue(exporter sdktrace.SpanExporter, b batch, losses *losses) boundedQueue {
	waiting := &atomic.Int64{}
	return boundedQueue{
		SpanProcessor: sdktrace.NewBatchSpanProcessor(countingExporter{exporter, waiting, losses},
			sdktrace.WithBatchTimeout(b.delay), sdktrace.WithMaxQueueSize(b.queue), sdktrace.WithExportTimeout(b.timeout)),
		waiting: waiting, most: int64(b.queue), losses: losses,
	}
}

// OnEnd takes an ended span, or counts it as lost.
func (q boundedQueue) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return // the SDK's queue leaves it out too
	}
	if q.waiting.Add(1) > q.most {
		q.waiting.Add(-1)
		q.losses.add(context.Background(), "queue", 1, errQueueFull)
		return
	}
	q.SpanProcessor.OnEnd(span)
}

// countingExporter turns an export error into a count and a rare log line. The
// error goes no further, because the SDK would hand it to a global handler.
type countingExporter struct {
	sdktrace.SpanExporter
	waiting *atomic.Int64
	losses  *losses
}

func (e countingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer e.waiting.Add(-int64(len(spans)))
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.losses.add(ctx, "export", len(spans), err)
	}
	return nil
}

// losses counts lost spans or log records and logs that now and then.
type losses struct {
	logger *slog.Logger
	text   string
	lost   metric.Int64Counter

	mu   sync.Mutex
	next time.Time
}

func newLosses(logger *slog.Logger, text string, meters metric.MeterProvider, of metrics.Metric) (*losses, error) {
	in := NewInstruments(meters.Meter("tapline.dev/libs/telemetry"))
	l := &losses{logger: logger, text: text, lost: in.Counter(of)}
	for _, why := range []string{"queue", "export"} {
		l.lost.Add(context.Background(), 0, metric.WithAttributes(attribute.String("why", why)))
	}
	return l, in.Err()
}

func (l *losses) add(ctx context.Context, why string, n int, err error) {
	l.lost.Add(ctx, int64(n), metric.WithAttributes(attribute.String("why", why)))
	l.mu.Lock()
	quiet := time.Now().Before(l.next)
	if !quiet {
		l.next = time.Now().Add(lossLogEvery)
	}
	l.mu.Unlock()
	if !quiet {
		l.logger.WarnContext(ctx, l.text, slog.String("why", why), slog.Int("lost", n), slog.Any("error", err)) //nolint:sloglint // a constant of whoever made it
	}
}

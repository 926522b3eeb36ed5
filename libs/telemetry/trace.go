package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	// spanDelay is short because a killed process loses what it has not sent.
	spanDelay = time.Second
	// spanQueue bounds the memory that a dead collector can cost.
	spanQueue = 8192
	// exportTimeout bounds one attempt to send.
	exportTimeout = 4 * time.Second
	// exportLogEvery keeps a dead collector from filling the log.
	exportLogEvery = time.Minute
)

// traceparentHeader is the key under which a traceparent travels, in HTTP and in
// the headers of Kafka records.
const traceparentHeader = "traceparent"

func newTracers(ctx context.Context, env otelEnv, res *resource.Resource, ring *Ring, log *exportLog) (*sdktrace.TracerProvider, error) {
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if ring != nil {
		options = append(options, sdktrace.WithSyncer(ring))
	}
	if env.traces {
		exporter, err := newSpanExporter(ctx, env.tracesProto)
		if err != nil {
			return nil, fmt.Errorf("starting the OTLP trace exporter: %w", err)
		}
		options = append(options, sdktrace.WithBatcher(countingExporter{exporter, log},
			sdktrace.WithBatchTimeout(spanDelay),
			sdktrace.WithMaxQueueSize(spanQueue),
			sdktrace.WithExportTimeout(exportTimeout),
		))
	}
	return sdktrace.NewTracerProvider(options...), nil
}

func newSpanExporter(ctx context.Context, proto string) (*otlptrace.Exporter, error) {
	if proto == protoGRPC {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// countingExporter turns an export error into a count and a rare log line. The
// error goes no further, because the SDK would hand it to a global handler.
type countingExporter struct {
	sdktrace.SpanExporter
	log *exportLog
}

func (e countingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.log.lost(ctx, len(spans), err)
	}
	return nil
}

type exportLog struct {
	logger *slog.Logger
	spans  metric.Int64Counter

	mu   sync.Mutex
	next time.Time
}

func newExportLog(logger *slog.Logger, meters metric.MeterProvider) *exportLog {
	// A counter with a valid name cannot fail.
	spans, _ := meters.Meter("tapline.dev/libs/telemetry").Int64Counter("tapline.telemetry.spans.lost",
		metric.WithUnit("{span}"), metric.WithDescription("Spans that the trace exporter could not deliver."))
	return &exportLog{logger: logger, spans: spans}
}

func (l *exportLog) lost(ctx context.Context, n int, err error) {
	l.spans.Add(ctx, int64(n))
	l.mu.Lock()
	quiet := time.Now().Before(l.next)
	if !quiet {
		l.next = time.Now().Add(exportLogEvery)
	}
	l.mu.Unlock()
	if !quiet {
		l.logger.WarnContext(ctx, "spans could not be exported", slog.Int("spans", n), slog.Any("error", err))
	}
}

// Traceparent writes the context's span as a W3C traceparent, for the header of
// a Kafka record; it is empty without a span.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceparentHeader]
}

// ContextWith returns ctx with the remote span that a traceparent names. Spans
// that are started with this context are children of that span. An unreadable
// traceparent changes nothing.
func ContextWith(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparentHeader: traceparent})
}

// LinkTo returns a link to the span that a traceparent names. The span of a
// batch links to the spans in which its records were made, because a span has
// one parent only.
func LinkTo(traceparent string) (trace.Link, bool) {
	span := trace.SpanContextFromContext(ContextWith(context.Background(), traceparent))
	return trace.Link{SpanContext: span}, span.IsValid()
}

// TraceID returns the trace id of the context's span, or an empty text.
func TraceID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		return span.TraceID().String()
	}
	return ""
}

// End ends a span and marks it failed if err is not nil. Call it from a closure:
//
//	defer func() { telemetry.End(span, err) }()
//
// because the arguments of a plain defer are evaluated too early. The error's
// text goes into the span: by Invariant 9 it holds no user data.
func End(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

package telemetry

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// traceparentHeader is the key under which a traceparent travels, in HTTP and in
// the headers of Kafka records.
const traceparentHeader = "traceparent"

func newTracers(ctx context.Context, env otelEnv, res *resource.Resource, ring *Ring, losses *losses) (*sdktrace.TracerProvider, error) {
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if ring != nil {
		options = append(options, sdktrace.WithSyncer(ring))
	}
	if env.traces {
		exporter, err := newSpanExporter(ctx, env.tracesProto)
		if err != nil {
			return nil, fmt.Errorf("starting the OTLP trace exporter: %w", err)
		}
		options = append(options, sdktrace.WithSpanProcessor(newBoundedQueue(exporter, env.batch, losses)))
	}
	return sdktrace.NewTracerProvider(options...), nil
}

func newSpanExporter(ctx context.Context, proto string) (*otlptrace.Exporter, error) {
	if proto == protoGRPC {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
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

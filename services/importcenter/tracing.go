package importcenter

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"tapline.dev/libs/telemetry"
)

// slowRead is how long a read may take before its span is kept.
const slowRead = 2 * time.Second

// readsLeftOut makes the spans of requests. Commands and the page ask again and again for
// what may have changed: the span of a read is kept only if the read failed or was slow, or
// if it is part of the caller's own trace. Log lines and problems have a trace id anyway.
type readsLeftOut struct {
	embedded.TracerProvider
	tracer requestTracer
}

func newReadsLeftOut(tel *telemetry.Telemetry) readsLeftOut {
	tracer := tel.Tracer(instrumentation)
	return readsLeftOut{tracer: requestTracer{all: tracer, reads: telemetry.NewParts(tracer, "serve request", slowRead)}}
}

// Tracer returns the same tracer for every name.
func (l readsLeftOut) Tracer(string, ...trace.TracerOption) trace.Tracer { return l.tracer }

type requestTracer struct {
	embedded.Tracer
	all   trace.Tracer
	reads *telemetry.Parts
}

// Start starts the span of a request.
func (l requestTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	config := trace.NewSpanStartConfig(options...)
	if trace.SpanContextFromContext(ctx).IsValid() || !isRead(config.Attributes()) {
		return l.all.Start(ctx, name, options...)
	}
	ctx, part := l.reads.Start(ctx, "reads", options...)
	read := readSpan{part}
	return trace.ContextWithSpan(ctx, read), read
}

func isRead(attributes []attribute.KeyValue) bool {
	for _, a := range attributes {
		if a.Key == "http.request.method" {
			return a.Value.AsString() == http.MethodGet || a.Value.AsString() == http.MethodHead
		}
	}
	return false
}

// readSpan notices that the read has failed.
type readSpan struct{ *telemetry.Part }

// SetStatus sets the span's status.
func (s readSpan) SetStatus(code codes.Code, description string) {
	if code == codes.Error {
		s.Fail(description)
		return
	}
	s.Part.SetStatus(code, description)
}

package importcenter

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/telemetry/telemetrytest"
)

// TestAReadMakesNoTrace: commands and pages ask again and again. A read has a span only if
// it failed, or belongs to the caller's trace; a write always has one.
func TestAReadMakesNoTrace(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "importcenter")
	tracer := newReadsLeftOut(rec.Telemetry).Tracer("any")
	request := func(method, route string, end func(trace.Span)) {
		_, span := tracer.Start(t.Context(), "serve request", trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("route", route)))
		end(span)
		span.End()
	}
	fine := func(trace.Span) {}
	for range 100 {
		request(http.MethodGet, "poll", fine)
	}
	request(http.MethodHead, "poll", fine)
	request(http.MethodGet, "unset", func(s trace.Span) { s.SetStatus(codes.Unset, "") })
	request(http.MethodGet, "fails", func(s trace.Span) { s.SetStatus(codes.Error, "Service Unavailable") })
	request(http.MethodPost, "writes", fine)
	ctx, own := rec.Tracer("caller").Start(t.Context(), "caller")
	_, inner := tracer.Start(ctx, "serve request", trace.WithAttributes(attribute.String("http.request.method", http.MethodGet), attribute.String("route", "asked")))
	inner.End()
	own.End()
	got := map[any]int{}
	for _, span := range rec.Spans.Spans("") {
		if span.Name == "serve request" {
			got[span.Attributes["route"]]++
		}
	}
	if len(got) != 3 || got["fails"] != 1 || got["writes"] != 1 || got["asked"] != 1 {
		t.Errorf("spans by what was asked: %v", got)
	}
}

package telemetry

import (
	"context"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Ring keeps the latest ended spans in memory, so that one process can show its
// traces without a collector. Services may share one.
type Ring struct {
	mu    sync.Mutex
	spans []Span
	next  int
	full  bool
}

// Span is an ended span as the ring shows it.
type Span struct {
	TraceID    string         `json:"traceId"`
	SpanID     string         `json:"spanId"`
	ParentID   string         `json:"parentId,omitempty"`
	Service    string         `json:"service"`
	Name       string         `json:"name"`
	Kind       string         `json:"kind"`
	Start      time.Time      `json:"start"`
	End        time.Time      `json:"end"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Links      []SpanLink     `json:"links,omitempty"`
	Error      string         `json:"error,omitempty"`
}

// SpanLink names a span that another is linked to.
type SpanLink struct {
	TraceID string `json:"traceId"`
	SpanID  string `json:"spanId"`
}

// NewRing returns a ring for size spans, at least one.
func NewRing(size int) *Ring {
	return &Ring{spans: make([]Span, max(size, 1))}
}

// Spans returns the kept spans of a trace, or of all traces if traceID is empty,
// in the order in which they ended.
func (r *Ring) Spans(traceID string) []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	ordered := append([]Span(nil), r.spans[:r.next]...)
	if r.full {
		ordered = append(append([]Span(nil), r.spans[r.next:]...), ordered...)
	}
	var out []Span
	for _, span := range ordered {
		if traceID == "" || span.TraceID == traceID {
			out = append(out, span)
		}
	}
	return out
}

// ExportSpans implements the SDK's exporter; only the SDK calls it.
func (r *Ring) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range spans {
		r.spans[r.next] = newSpan(s)
		r.next++
		if r.next == len(r.spans) {
			r.next, r.full = 0, true
		}
	}
	return nil
}

// Shutdown implements the SDK's exporter. The spans stay readable, and services
// that share the ring go on writing to it.
func (r *Ring) Shutdown(context.Context) error { return nil }

func newSpan(s sdktrace.ReadOnlySpan) Span {
	out := Span{
		TraceID: s.SpanContext().TraceID().String(),
		SpanID:  s.SpanContext().SpanID().String(),
		Name:    s.Name(),
		Kind:    s.SpanKind().String(),
		Start:   s.StartTime(),
		End:     s.EndTime(),
		Error:   s.Status().Description,
	}
	if s.Parent().HasSpanID() {
		out.ParentID = s.Parent().SpanID().String()
	}
	for _, kv := range s.Resource().Attributes() {
		if kv.Key == "service.name" {
			out.Service = kv.Value.AsString()
		}
	}
	if attrs := s.Attributes(); len(attrs) > 0 {
		out.Attributes = make(map[string]any, len(attrs))
		for _, kv := range attrs {
			out.Attributes[string(kv.Key)] = kv.Value.AsInterface()
		}
	}
	for _, link := range s.Links() {
		out.Links = append(out.Links, SpanLink{
			TraceID: link.SpanContext.TraceID().String(),
			SpanID:  link.SpanContext.SpanID().String(),
		})
	}
	return out
}

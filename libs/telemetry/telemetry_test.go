package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/telemetry/telemetrytest"
)

func TestLogLinesCarryTheContext(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "mapper")
	ctx := telemetry.WithAttrs(t.Context(), slog.String("run", "customers.1"))
	inner := telemetry.WithAttrs(ctx, slog.Int("partition", 3))
	_ = telemetry.WithAttrs(ctx, slog.Int("partition", 4)) // a sibling must not leak into inner
	spanCtx, span := rec.Tracer("test").Start(inner, "map batch")
	rec.Logger.With(slog.String("k", "v")).InfoContext(spanCtx, "mapped")
	span.End()

	var line map[string]any
	if err := json.Unmarshal([]byte(rec.Logs()), &line); err != nil {
		t.Fatalf("the log line is not JSON: %v\n%s", err, rec.Logs())
	}
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "mapped", "service": "mapper", "k": "v", "run": "customers.1", "partition": 3.0,
		"trace_id": span.SpanContext().TraceID().String(), "span_id": span.SpanContext().SpanID().String(),
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("log line mismatch (-want +got)\n%s", diff)
	}
}

func TestTraceCrossesServices(t *testing.T) {
	t.Parallel()
	first, second := telemetrytest.New(t, "extractor"), telemetrytest.New(t, "mapper")
	ctx, sender := first.Tracer("test").Start(t.Context(), "extract chunk")
	header := telemetry.Traceparent(ctx)
	sender.End()

	_, child := second.Tracer("test").Start(telemetry.ContextWith(t.Context(), header), "map batch")
	child.End()
	link, ok := telemetry.LinkTo(header)
	if !ok {
		t.Fatalf("LinkTo(%q) found nothing", header)
	}
	_, linked := second.Tracer("test").Start(t.Context(), "send upload",
		trace.WithLinks(link), trace.WithAttributes(attribute.Int("records", 7)), trace.WithSpanKind(trace.SpanKindClient))
	telemetry.End(linked, errors.New("answered 503"))

	spans := second.Spans.Spans(telemetry.TraceID(ctx))
	if len(spans) != 1 || spans[0].ParentID != sender.SpanContext().SpanID().String() || spans[0].Service != "mapper" {
		t.Errorf("spans of the sender's trace = %+v, want the child", spans)
	}
	all := second.Spans.Spans("")
	got := all[len(all)-1]
	want := telemetry.Span{
		TraceID: linked.SpanContext().TraceID().String(), SpanID: linked.SpanContext().SpanID().String(),
		Service: "mapper", Name: "send upload", Kind: "client", Start: got.Start, End: got.End,
		Attributes: map[string]any{"records": int64(7)},
		Links:      []telemetry.SpanLink{{TraceID: telemetry.TraceID(ctx), SpanID: sender.SpanContext().SpanID().String()}},
		Error:      "answered 503",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("span mismatch (-want +got)\n%s", diff)
	}
}

func TestTraceparentOfNothing(t *testing.T) {
	t.Parallel()
	if got := telemetry.Traceparent(t.Context()); got != "" {
		t.Errorf("Traceparent() without a span = %q", got)
	}
	for _, header := range []string{"", "junk", "00-00000000000000000000000000000000-0000000000000000-01"} {
		if _, ok := telemetry.LinkTo(header); ok {
			t.Errorf("LinkTo(%q) found a span", header)
		}
		if got := telemetry.TraceID(telemetry.ContextWith(t.Context(), header)); got != "" {
			t.Errorf("ContextWith(%q) has trace %q", header, got)
		}
	}
}

func TestRingKeepsTheLatest(t *testing.T) {
	t.Parallel()
	ring := telemetry.NewRing(3)
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x", Spans: ring, LookupEnv: lookup(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		_, span := tel.Tracer("test").Start(t.Context(), name)
		span.End()
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, span := range ring.Spans("") {
		names = append(names, span.Name)
	}
	if diff := cmp.Diff([]string{"b", "c", "d"}, names); diff != "" {
		t.Errorf("Spans() mismatch (-want +got)\n%s", diff)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	rec, other := telemetrytest.New(t, "mapper"), telemetrytest.New(t, "loader")
	rows, err := rec.Meter("test").Int64Counter("tapline.mapper.rows", metric.WithUnit("{row}"))
	if err != nil {
		t.Fatal(err)
	}
	rows.Add(t.Context(), 3, metric.WithAttributes(attribute.String("outcome", "mapped")))
	seconds, err := rec.Meter("test").Float64Histogram("tapline.mapper.batch.duration", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	seconds.Record(t.Context(), 0.03)
	got := rec.Metrics(t, "tapline_mapper_")
	for name, want := range map[string]float64{
		`tapline_mapper_rows_total{outcome="mapped"}`:              3,
		`tapline_mapper_batch_duration_seconds_bucket{le="0.025"}`: 0,
		`tapline_mapper_batch_duration_seconds_bucket{le="0.05"}`:  1,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("metric %s = %v, %v, want %v; have %v", name, value, ok, want, got)
		}
	}
	if got := other.Metrics(t, "tapline_mapper_"); len(got) != 0 {
		t.Errorf("another service shows %v", got)
	}
}

func TestEnvironmentIsChecked(t *testing.T) {
	t.Parallel()
	for want, env := range map[string]map[string]string{
		"OTEL_TRACES_EXPORTER":        {"OTEL_TRACES_EXPORTER": "zipkin"},
		"OTEL_METRICS_EXPORTER":       {"OTEL_METRICS_EXPORTER": "x"},
		"OTEL_LOGS_EXPORTER":          {"OTEL_LOGS_EXPORTER": "console"},
		"OTEL_BLRP_MAX_QUEUE_SIZE":    {"OTEL_BLRP_MAX_QUEUE_SIZE": "many"},
		"OTEL_EXPORTER_OTLP_PROTOCOL": {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
	} {
		_, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x", LookupEnv: lookup(env)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start() with %v: error = %v, want %s named", env, err, want)
		}
	}
}

// Spans reach an OTLP receiver within about a second, without a flush: that is
// all a killed process can rely on.
func TestSpansLeaveByThemselves(t *testing.T) {
	received := make(chan *coltrace.ExportTraceServiceRequest, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			return
		}
		var request coltrace.ExportTraceServiceRequest
		if proto.Unmarshal(body, &request) == nil {
			received <- &request
		}
	}))
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "scheduler"})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Tracer("test").Start(t.Context(), "open run")
	span.End()
	select {
	case request := <-received:
		attrs := map[string]string{}
		for _, kv := range request.ResourceSpans[0].Resource.Attributes {
			attrs[kv.Key] = kv.Value.GetStringValue()
		}
		name := request.ResourceSpans[0].ScopeSpans[0].Spans[0].Name
		if name != "open run" || attrs["service.name"] != "scheduler" || attrs["service.namespace"] != "tapline" {
			t.Errorf("received %q of %v", name, attrs)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no span arrived")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A collector that accepts and never answers must cost the work nothing and the
// end at most the time limit.
func TestDeadCollectorBlocksNobody(t *testing.T) {
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String())
	var logs strings.Builder
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x", Log: &logs})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for range 20_000 {
		_, span := tel.Tracer("test").Start(t.Context(), "work")
		span.End()
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("20,000 spans took %v with a dead collector", took)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	start = time.Now()
	_ = tel.Shutdown(cancelled) // it reports that spans were lost
	if took := time.Since(start); took > 7*time.Second {
		t.Errorf("Shutdown() took %v, want about five seconds", took)
	}
}

func TestGRPCIsAnOption(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() without spans: %v", err)
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	tel := telemetry.Discard()
	_, span := tel.Tracer("x").Start(t.Context(), "x")
	span.End()
	tel.Logger.InfoContext(t.Context(), "x")
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

package telemetry_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas/metrics"
)

// The name that the catalogue says is the one that the exporter prints: dashboards and
// alerts are written with it.
func TestTheCatalogueKnowsPrometheusNames(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "x")
	in := telemetry.NewInstruments(rec.Meter("test"))
	for _, m := range metrics.Catalogue() {
		switch {
		case m.Kind == metrics.Histogram:
			in.Histogram(m).Record(t.Context(), 1)
		case m.Kind == metrics.Counter:
			in.Counter(m).Add(t.Context(), 1)
		default:
			in.Gauge(m).Record(t.Context(), 1)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	printed := map[string]bool{}
	for series := range rec.Metrics(t, "") {
		name, _, _ := strings.Cut(series, "{")
		printed[name] = true
	}
	for _, m := range metrics.Catalogue() {
		for _, series := range m.Series() {
			if !printed[series] {
				t.Errorf("%s: no series %s is printed", m.Name, series)
			}
		}
	}
}

func TestAnInstrumentOfAnotherKindIsRefused(t *testing.T) {
	t.Parallel()
	in := telemetry.NewInstruments(telemetrytest.New(t, "x").Meter("test"))
	in.Counter(metrics.ImportFreshness)
	if err := in.Err(); err == nil || !strings.Contains(err.Error(), "tapline.import.freshness") {
		t.Errorf("Err() = %v for a gauge made as a counter", err)
	}
}

func TestAnObservedSeriesEndsWithItsThing(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "scheduler")
	in := telemetry.NewInstruments(rec.Meter("test"))
	held := map[string]float64{"users": 5}
	stop := in.Observe(func(o telemetry.Observer) {
		for name, since := range held {
			o.Set(metrics.ImportHeldSince, since, rec.ImportLabel(name))
		}
	}, metrics.ImportHeldSince)
	const series = `tapline_import_held_since_timestamp_seconds{import="users"}`
	if got := rec.Metrics(t, "tapline_import"); got[series] != 5 {
		t.Errorf("while it is held: %v", got)
	}
	delete(held, "users")
	if got := rec.Metrics(t, "tapline_import"); len(got) != 0 {
		t.Errorf("when it is held no more: %v", got)
	}
	held["users"] = 6
	stop()
	if got := rec.Metrics(t, "tapline_import"); len(got) != 0 {
		t.Errorf("after stop: %v", got)
	}
}

// Imports beyond the configured number share one series, however many there are.
func TestImportsBeyondTheNumberShareASeries(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x", Imports: 100, LookupEnv: lookup(nil)})
	if err != nil {
		t.Fatal(err)
	}
	in := telemetry.NewInstruments(tel.Meter("test"))
	rows := in.Counter(metrics.MapperRows)
	for range 2 {
		for i := range 1000 {
			rows.Add(t.Context(), 1, metric.WithAttributes(tel.ImportLabel(fmt.Sprintf("import-%d", i))))
		}
	}
	text := scrape(tel, "")
	if n := strings.Count(text, "\ntapline_mapper_rows_total{"); n != 101 {
		t.Errorf("1,000 imports have %d series, want 100 and one", n)
	}
	if want := `tapline_mapper_rows_total{import="_others"} 1800`; !strings.Contains(text, want) {
		t.Errorf("no %s", want)
	}
}

// The SDK hides series beyond 2,000 of an instrument unless it is told otherwise.
func TestAThousandImportsKeepTheirSeries(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "x")
	rows := telemetry.NewInstruments(rec.Meter("test")).Counter(metrics.ImportRows)
	for i := range 1000 {
		for _, outcome := range metrics.RowOutcomes() {
			rows.Add(t.Context(), 1, metric.WithAttributes(rec.ImportLabel(fmt.Sprintf("import-%d", i)), attribute.String("outcome", outcome)))
		}
	}
	if n := len(rec.Metrics(t, "tapline_import_rows_total")); n != 8000 {
		t.Errorf("1,000 imports with 8 outcomes have %d series", n)
	}
}

func TestExemplarsNameTheTrace(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "loader")
	seconds := telemetry.NewInstruments(rec.Meter("test")).Histogram(metrics.LoaderRequestDuration)
	ctx, span := rec.Tracer("test").Start(t.Context(), "send upload")
	seconds.Record(ctx, 0.2)
	span.End()
	text := scrape(rec.Telemetry, "application/openmetrics-text")
	if want := `trace_id="` + telemetry.TraceID(ctx) + `"`; !strings.Contains(text, want) {
		t.Errorf("no exemplar with %s in\n%s", want, text)
	}
}

func TestAHostHeaderIsNoLabel(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "importcenter")
	seconds, err := rec.Meter("otelhttp").Float64Histogram("http.server.request.duration", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"a.example", "b.example"} {
		seconds.Record(t.Context(), 0.03, metric.WithAttributes(
			attribute.String("server.address", host), attribute.String("http.request.method", "GET")))
	}
	got := rec.Metrics(t, "http_server")
	if n := got[`http_server_request_duration_seconds_bucket{http_request_method="GET",le="0.05"}`]; n != 2 {
		t.Errorf("the two requests are not in one series: %v", got)
	}
}

func TestEachStartIsAnInstance(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for range 2 {
		for series := range telemetrytest.New(t, "mapper").Metrics(t, "target_info") {
			_, rest, _ := strings.Cut(series, `service_instance_id="`)
			id, _, ok := strings.Cut(rest, `"`)
			if !ok || id == "" {
				t.Fatalf("no instance id in %s", series)
			}
			ids[id] = true
		}
	}
	if len(ids) != 2 {
		t.Errorf("two starts have the ids %v", ids)
	}
}

// A collector that hangs fills the queue: what does not fit is counted, and the standard
// variable says how much fits.
func TestAFullQueueIsCounted(t *testing.T) {
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String())
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
	t.Setenv("OTEL_BSP_EXPORT_TIMEOUT", "600000")
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if text := scrape(tel, ""); !strings.Contains(text, `tapline_telemetry_spans_lost_total{why="queue"} 0`) {
		t.Error("the counter does not exist before the first loss")
	}
	for range 1000 {
		_, span := tel.Tracer("test").Start(t.Context(), "work")
		span.End()
	}
	if text := scrape(tel, ""); !strings.Contains(text, `tapline_telemetry_spans_lost_total{why="queue"} 900`) {
		t.Errorf("900 of 1,000 spans do not fit, and the metrics say\n%s", text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = tel.Shutdown(ctx) // it reports that spans were lost
}

func scrape(tel *telemetry.Telemetry, accept string) string {
	request := httptest.NewRequest("GET", "/metrics", nil)
	request.Header.Set("Accept", accept)
	answer := httptest.NewRecorder()
	tel.Metrics().ServeHTTP(answer, request)
	return answer.Body.String()
}

package telemetry_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"

	"tapline.dev/libs/telemetry"
)

// receiveLogs serves an OTLP receiver of log records.
func receiveLogs(t *testing.T) (url string, received chan *collogs.ExportLogsServiceRequest) {
	t.Helper()
	received = make(chan *collogs.ExportLogsServiceRequest, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/logs" {
			return
		}
		var request collogs.ExportLogsServiceRequest
		if proto.Unmarshal(body, &request) == nil {
			received <- &request
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, received
}

// TestLogRecordsLeaveIfAsked: a receiver gets the records that are logged, with their
// coordinates, trace and span; what the process writes itself is the same as without it.
func TestLogRecordsLeaveIfAsked(t *testing.T) {
	url, received := receiveLogs(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	t.Setenv("OTEL_LOGS_EXPORTER", "otlp")
	var lines strings.Builder
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "mapper", Log: &lines})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := tel.Tracer("test").Start(telemetry.WithAttrs(t.Context(), slog.String("run", "customers.1")), "map batch")
	tel.Logger.DebugContext(ctx, "below the level")
	tel.Logger.With(slog.Int("partition", 3)).WarnContext(ctx, "given back", slog.Any("error", errors.New("no mapping")))
	span.End()
	// The batch leaves by itself, without a flush.
	var got *collogs.ExportLogsServiceRequest
	select {
	case got = <-received:
	case <-time.After(10 * time.Second):
		t.Fatal("no record arrived")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	attrs := map[string]string{}
	for _, kv := range got.ResourceLogs[0].Resource.Attributes {
		attrs[kv.Key] = kv.Value.GetStringValue()
	}
	records := got.ResourceLogs[0].ScopeLogs[0].LogRecords
	if len(records) != 1 || attrs["service.name"] != "mapper" {
		t.Fatalf("received %d records of %v, want one of the mapper", len(records), attrs)
	}
	r := records[0]
	fields := map[string]string{}
	for _, kv := range r.Attributes {
		fields[kv.Key] = kv.Value.GetStringValue()
		if n := kv.Value.GetIntValue(); n != 0 {
			fields[kv.Key] = fmt.Sprint(n)
		}
	}
	if fields["error"]+fields["exception.message"] != "no mapping" {
		t.Errorf("the record's error is not there: %v", fields)
	}
	delete(fields, "error")
	delete(fields, "exception.message")
	delete(fields, "exception.type")
	if diff := cmp.Diff(map[string]string{"run": "customers.1", "partition": "3"}, fields); diff != "" {
		t.Errorf("attributes mismatch (-want +got)\n%s", diff)
	}
	sc := span.SpanContext()
	if r.Body.GetStringValue() != "given back" || r.SeverityText != "WARN" || hex.EncodeToString(r.TraceId) != sc.TraceID().String() || hex.EncodeToString(r.SpanId) != sc.SpanID().String() {
		t.Errorf("received %v", r)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(lines.String()), &line); err != nil {
		t.Fatalf("the log is not one line of JSON: %v\n%s", err, lines.String())
	}
	if line["service"] != "mapper" || line["trace_id"] != sc.TraceID().String() || line["error"] != "no mapping" {
		t.Errorf("logged %v", line)
	}
}

// TestLogRecordsStayUnlessAsked: an endpoint for traces and metrics does not make logs leave.
func TestLogRecordsStayUnlessAsked(t *testing.T) {
	url, received := receiveLogs(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "mapper"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(seriesOf(t, tel), "tapline_telemetry_logs_lost") {
		t.Error("there are series of log records although none is sent")
	}
	tel.Logger.WarnContext(t.Context(), "given back")
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if len(received) != 0 {
		t.Error("log records were sent although nobody asked for them")
	}
}

// TestADeadCollectorOfLogsHarmsNothing: a collector that accepts and never answers costs the
// work nothing, what is lost is counted and said once, and every line is in the process's own
// log.
func TestADeadCollectorOfLogsHarmsNothing(t *testing.T) {
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://"+listener.Addr().String()+"/v1/logs")
	t.Setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "1000")
	t.Setenv("OTEL_BLRP_EXPORT_TIMEOUT", "500")
	const n = 5000
	var lines strings.Builder
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x", Log: &lines})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for range n {
		tel.Logger.InfoContext(t.Context(), "work")
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("%d lines took %v with a dead collector", n, took)
	}
	if !regexp.MustCompile(`(?m)^tapline_telemetry_logs_lost_total\{why="queue"\} [1-9]`).MatchString(seriesOf(t, tel)) {
		t.Error("lost records are not counted")
	}
	start = time.Now()
	_ = tel.Shutdown(t.Context()) // it reports that records were lost
	if took := time.Since(start); took > 7*time.Second {
		t.Errorf("Shutdown() took %v, want about five seconds", took)
	}
	if got := strings.Count(lines.String(), `"msg":"work"`); got != n {
		t.Errorf("the process's log has %d of %d lines", got, n)
	}
	if got := strings.Count(lines.String(), "log records are not delivered"); got != 1 {
		t.Errorf("it was said %d times that records are lost, want once", got)
	}
}

func TestLogsByGRPCAreAnOption(t *testing.T) {
	t.Setenv("OTEL_LOGS_EXPORTER", "otlp")
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc")
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() without records: %v", err)
	}
}

// seriesOf returns the metrics as Prometheus scrapes them.
func seriesOf(t *testing.T, tel *telemetry.Telemetry) string {
	t.Helper()
	answer := httptest.NewRecorder()
	tel.Metrics().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

// Package telemetrytest lets a test see the spans, metrics and log lines of the
// service it runs. It is for tests only.
package telemetrytest

import (
	"bytes"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tapline.dev/libs/telemetry"
)

// Recorder is telemetry whose output a test can read.
type Recorder struct {
	*telemetry.Telemetry
	Spans *telemetry.Ring
	logs  *buffer
}

// New starts telemetry for the named service and stops it with the test.
func New(t testing.TB, service string) *Recorder {
	t.Helper()
	logs := &buffer{}
	ring := telemetry.NewRing(10_000)
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{
		Service:   service,
		Log:       logs,
		Spans:     ring,
		LookupEnv: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatalf("starting telemetry: %v", err)
	}
	t.Cleanup(func() {
		if err := tel.Shutdown(t.Context()); err != nil {
			t.Errorf("stopping telemetry: %v", err)
		}
	})
	return &Recorder{Telemetry: tel, Spans: ring, logs: logs}
}

// Logs returns what was logged so far.
func (r *Recorder) Logs() string { return r.logs.String() }

// Metrics returns the metrics whose Prometheus name begins with prefix, by name
// and labels as Prometheus prints them.
func (r *Recorder) Metrics(t testing.TB, prefix string) map[string]float64 {
	t.Helper()
	answer := httptest.NewRecorder()
	r.Telemetry.Metrics().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	out := map[string]float64{}
	for line := range strings.Lines(answer.Body.String()) {
		line = strings.TrimSpace(line)
		cut := strings.LastIndexByte(line, ' ')
		if cut < 0 || strings.HasPrefix(line, "#") || !strings.HasPrefix(line, prefix) {
			continue
		}
		value, err := strconv.ParseFloat(line[cut+1:], 64)
		if err != nil {
			t.Fatalf("reading metric %q: %v", line, err)
		}
		out[line[:cut]] = value
	}
	return out
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

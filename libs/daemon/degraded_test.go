package daemon

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"tapline.dev/libs/telemetry/telemetrytest"
)

// What a service goes on without makes it degraded, not unready: a probe that took it out
// of service would stop work that is possible.
func TestADegradedServiceIsReadyAndSaysSo(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	var redis, kafka error
	h.AddDegrading("redis", func(context.Context) error { return redis })
	h.Add("kafka", func(context.Context) error { return kafka })
	rec := telemetrytest.New(t, "loader")
	stop, err := Env{Telemetry: rec.Telemetry, Health: h}.exportHealth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ask := func(wantStatus int, wantText string, redisUp, kafkaUp float64) {
		t.Helper()
		answer := httptest.NewRecorder()
		h.serveReady(answer, httptest.NewRequest("GET", "/readyz?verbose", nil))
		if answer.Code != wantStatus || !strings.Contains(answer.Body.String(), wantText) {
			t.Errorf("/readyz: %d\n%s\nwant %d and %q", answer.Code, answer.Body, wantStatus, wantText)
		}
		got := rec.Metrics(t, "tapline_health")
		if got[`tapline_health_check{check="redis",effect="degraded"}`] != redisUp || got[`tapline_health_check{check="kafka",effect="unready"}`] != kafkaUp {
			t.Errorf("metrics %v, want redis %v and kafka %v", got, redisUp, kafkaUp)
		}
	}
	ask(200, "[+] redis", 1, 1)
	redis = errors.New("connection refused")
	ask(200, "[~] redis: degraded: connection refused", 0, 1)
	if err := h.Ready(t.Context()); err != nil {
		t.Errorf("a degraded service is not ready: %v", err)
	}
	kafka = errors.New("no contact")
	ask(503, "[-] kafka: no contact", 0, 0)
}

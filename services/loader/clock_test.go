package loader

import (
	"testing"
	"time"

	"tapline.dev/libs/telemetry/telemetrytest"
)

// CleverTap's clock is compared with this process's at each answer that says it.
func TestCleverTapsClockIsCompared(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "loader")
	m, err := newMetrics(rec.Telemetry)
	if err != nil {
		t.Fatal(err)
	}
	const series = `tapline_clock_skew_seconds{server="clevertap"}`
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m.clock(t.Context(), time.Time{}, began, began)
	if got, ok := rec.Metrics(t, "tapline_clock")[series]; ok {
		t.Errorf("without a date the clock is %v s ahead", got)
	}
	m.clock(t.Context(), began.Add(46*time.Second), began, began.Add(3*time.Second))
	if got := rec.Metrics(t, "tapline_clock")[series]; got != 45 {
		t.Errorf("the clock is %v s ahead, want 45", got)
	}
}

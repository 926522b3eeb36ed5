package importcenter

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type metrics struct {
	requests metric.Float64Histogram
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	requests, err := meter.Float64Histogram("tapline.importcenter.request.duration",
		metric.WithUnit("s"),
		metric.WithDescription("How long API requests took, by operation and status"))
	if err != nil {
		return nil, fmt.Errorf("making instruments: %w", err)
	}
	return &metrics{requests: requests}, nil
}

func (m *metrics) count(ctx context.Context, operation string, status int, took time.Duration) {
	m.requests.Record(ctx, took.Seconds(), metric.WithAttributes(
		attribute.String("operation", operation), attribute.Int("status", status)))
}

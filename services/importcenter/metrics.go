package importcenter

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	catalogue "tapline.dev/schemas/metrics"
)

// instrumentation is the name of this package's meter.
const instrumentation = "tapline.dev/services/importcenter"

type metrics struct {
	requests metric.Float64Histogram
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	in := telemetry.NewInstruments(meter)
	return &metrics{requests: in.Histogram(catalogue.APIRequestDuration)}, in.Err()
}

func (m *metrics) count(ctx context.Context, operation string, status int, took time.Duration) {
	m.requests.Record(ctx, took.Seconds(), metric.WithAttributes(
		attribute.String("operation", operation), attribute.Int("status", status)))
}

// exportKeyExpiry makes a metric of when each API key ends, until stop.
func exportKeyExpiry(meter metric.Meter, keys interface{ Expiries() map[string]time.Time }) (stop func(), err error) {
	in := telemetry.NewInstruments(meter)
	stop = in.Observe(func(o telemetry.Observer) {
		for name, end := range keys.Expiries() {
			o.Set(catalogue.KeyExpiry, float64(end.Unix()), attribute.String("key", name))
		}
	}, catalogue.KeyExpiry)
	return stop, in.Err()
}

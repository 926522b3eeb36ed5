package exported

import "go.opentelemetry.io/otel/metric"

func byHand(meter metric.Meter) {
	_, _ = meter.Int64Counter("tapline.by.hand")
}

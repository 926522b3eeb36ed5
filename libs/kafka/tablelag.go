package kafka

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas/metrics"
)

// tableLagEvery is how often a feed compares its position with the end of its topic.
const tableLagEvery = 15 * time.Second

// tableMeters are the instruments of a compacted topic's reader.
type tableMeters struct {
	lag        metric.Float64Gauge
	unreadable metric.Int64Counter
	topic      metric.MeasurementOption
}

// newTableMeters returns nil if nothing is to be measured, or if the instruments cannot be
// made: without them the records are still read, and unreadable ones logged.
func newTableMeters(provider metric.MeterProvider, topic string) *tableMeters {
	if provider == nil {
		return nil
	}
	in := telemetry.NewInstruments(provider.Meter(instrumentation))
	m := &tableMeters{
		lag: in.Gauge(metrics.TableLag), unreadable: in.Counter(metrics.TableUnreadable),
		topic: metric.WithAttributeSet(attribute.NewSet(attribute.String("topic", topic))),
	}
	if in.Err() != nil {
		return nil
	}
	return m
}

// watchLag measures how far the feed is behind until ctx is done.
func (f *feed) watchLag(ctx context.Context) {
	ticker := time.NewTicker(tableLagEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.measureLag(ctx)
		}
	}
}

// measureLag records how many offsets lie between the feed's position and the end of its
// topic. If Kafka does not answer, the last value stands; a readiness check says so.
func (f *feed) measureLag(ctx context.Context) {
	id, ends, err := f.ends(ctx, nil)
	if err != nil {
		return
	}
	f.mu.Lock()
	if f.otherThan(id) {
		f.abandon() // its positions are not of this topic
		f.mu.Unlock()
		return
	}
	var behind int64
	for p, end := range ends {
		// Before the first record the position is 0, also where cleaning has removed the
		// first records: what is not read yet is then counted too high, and never too low.
		behind += max(end-f.position[p], 0)
	}
	f.mu.Unlock()
	f.meters.lag.Record(ctx, float64(behind), f.meters.topic)
}

package scheduler

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	catalogue "tapline.dev/schemas/metrics"
)

// metrics are the scheduler's instruments. What it says of imports is in internal/signals.
type metrics struct {
	steps      metric.Int64Counter
	records    metric.Int64Counter
	seconds    metric.Float64Histogram
	takeovers  metric.Int64Counter
	restarts   metric.Int64Counter
	unreadable metric.Int64Counter
	projection metric.Int64Counter
}

func newMetrics(m metric.Meter) (*metrics, error) {
	in := telemetry.NewInstruments(m)
	out := &metrics{
		steps:      in.Counter(catalogue.SchedulerSteps),
		records:    in.Counter(catalogue.SchedulerRecords),
		seconds:    in.Histogram(catalogue.SchedulerStepDuration),
		takeovers:  in.Counter(catalogue.SchedulerTakeovers),
		restarts:   in.Counter(catalogue.SchedulerRestarts),
		unreadable: in.Counter(catalogue.SchedulerUnreadable),
		projection: in.Counter(catalogue.SchedulerProjections),
	}
	// What is 0 exists: the first failure is then an increase.
	ctx := context.Background()
	for _, c := range []metric.Int64Counter{out.steps, out.records, out.restarts} {
		c.Add(ctx, 0)
	}
	for _, c := range []metric.Int64Counter{out.takeovers, out.projection} {
		for _, what := range []string{"ok", "error"} {
			c.Add(ctx, 0, metric.WithAttributes(attribute.String("outcome", what)))
		}
	}
	return out, in.Err()
}

// Step counts one committed step.
func (m *metrics) Step(ctx context.Context, records int, took time.Duration) {
	m.steps.Add(ctx, 1)
	m.records.Add(ctx, int64(records))
	m.seconds.Record(ctx, took.Seconds())
}

// Takeover counts one takeover of a partition.
func (m *metrics) Takeover(ctx context.Context, err error) {
	m.takeovers.Add(ctx, 1, metric.WithAttributes(outcome(err)))
}

// Unreadable counts one control record that was left out.
func (m *metrics) Unreadable(ctx context.Context, topic string) {
	m.unreadable.Add(ctx, 1, metric.WithAttributes(attribute.String("topic", topic)))
}

// Projected counts one attempt to bring Redis up to date.
func (m *metrics) Projected(ctx context.Context, err error) {
	m.projection.Add(ctx, 1, metric.WithAttributes(outcome(err)))
}

func outcome(err error) attribute.KeyValue {
	if err != nil {
		return attribute.String("outcome", "error")
	}
	return attribute.String("outcome", "ok")
}

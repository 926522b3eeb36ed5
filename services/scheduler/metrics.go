package scheduler

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are the scheduler's instruments.
type metrics struct {
	steps      metric.Int64Counter
	records    metric.Int64Counter
	seconds    metric.Float64Histogram
	takeovers  metric.Int64Counter
	runs       metric.Int64Counter
	unreadable metric.Int64Counter
	projection metric.Int64Counter
}

func newMetrics(m metric.Meter) (*metrics, error) {
	var out metrics
	var errs [7]error
	out.steps, errs[0] = m.Int64Counter("tapline.scheduler.steps", metric.WithDescription("Transactions committed."))
	out.records, errs[1] = m.Int64Counter("tapline.scheduler.records", metric.WithDescription("Reports, commands and definitions taken in."))
	out.seconds, errs[2] = m.Float64Histogram("tapline.scheduler.step.duration", metric.WithUnit("s"), metric.WithDescription("Time from taking records in to their commit."))
	out.takeovers, errs[3] = m.Int64Counter("tapline.scheduler.takeovers", metric.WithDescription("Takeovers of a control partition by outcome (ok, error)."))
	out.runs, errs[4] = m.Int64Counter("tapline.scheduler.runs", metric.WithDescription("Runs that ended, by import and state."))
	out.unreadable, errs[5] = m.Int64Counter("tapline.scheduler.unreadable", metric.WithDescription("Control records left out because they cannot be read, by topic."))
	out.projection, errs[6] = m.Int64Counter("tapline.scheduler.projections", metric.WithDescription("Attempts to bring Redis up to date by outcome (ok, error)."))
	return &out, errors.Join(errs[:]...)
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

// Closed counts one run that ended.
func (m *metrics) Closed(ctx context.Context, importName, state string) {
	m.runs.Add(ctx, 1, metric.WithAttributes(attribute.String("import", importName), attribute.String("state", state)))
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

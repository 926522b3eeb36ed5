package mapper

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are the mapper's instruments.
type metrics struct {
	rows         metric.Int64Counter
	transactions metric.Int64Counter
	restarts     metric.Int64Counter
	blocked      metric.Int64Counter
	seconds      metric.Float64Histogram
}

func newMetrics(m metric.Meter) (metrics, error) {
	var out metrics
	var errs [5]error
	out.rows, errs[0] = m.Int64Counter("tapline.mapper.rows", metric.WithDescription("Rows by import, outcome (mapped, rejected, skipped) and code or reason."))
	out.transactions, errs[1] = m.Int64Counter("tapline.mapper.transactions", metric.WithDescription("Transactions by outcome (committed, aborted)."))
	out.restarts, errs[2] = m.Int64Counter("tapline.mapper.restarts", metric.WithDescription("Memberships of the consumer group that ended with an error."))
	out.seconds, errs[3] = m.Float64Histogram("tapline.mapper.transaction.duration", metric.WithUnit("s"), metric.WithDescription("Time from poll to commit."))
	out.blocked, errs[4] = m.Int64Counter("tapline.mapper.holds", metric.WithDescription("Times that a partition's rows could not be mapped and were given back, by topic and reason."))
	return out, errors.Join(errs[:]...)
}

func (m metrics) transaction(ctx context.Context, committed bool, took time.Duration) {
	outcome := "aborted"
	if committed {
		outcome = "committed"
	}
	m.transactions.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
	m.seconds.Record(ctx, took.Seconds())
}

func (m metrics) blockedRows(ctx context.Context, topic, reason string) {
	m.blocked.Add(ctx, 1, metric.WithAttributes(attribute.String("topic", topic), attribute.String("reason", reason)))
}

func (m metrics) counted(ctx context.Context, importName, outcome, code string, n int64) {
	m.rows.Add(ctx, n, metric.WithAttributes(
		attribute.String("import", importName), attribute.String("outcome", outcome), attribute.String("code", code)))
}

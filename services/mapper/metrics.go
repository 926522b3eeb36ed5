package mapper

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	catalogue "tapline.dev/schemas/metrics"
)

// metrics are the mapper's instruments.
type metrics struct {
	tel          *telemetry.Telemetry
	rows         metric.Int64Counter
	transactions metric.Int64Counter
	restarts     metric.Int64Counter
	blocked      metric.Int64Counter
	seconds      metric.Float64Histogram
}

func newMetrics(tel *telemetry.Telemetry) (metrics, error) {
	in := telemetry.NewInstruments(tel.Meter("tapline.dev/services/mapper"))
	out := metrics{
		tel:          tel,
		rows:         in.Counter(catalogue.MapperRows),
		transactions: in.Counter(catalogue.MapperTransactions),
		restarts:     in.Counter(catalogue.MapperRestarts),
		blocked:      in.Counter(catalogue.MapperHolds),
		seconds:      in.Histogram(catalogue.MapperTransactionDuration),
	}
	// What is 0 exists: the first restart is then an increase.
	ctx := context.Background()
	out.restarts.Add(ctx, 0)
	for _, outcome := range []string{"committed", "aborted"} {
		out.transactions.Add(ctx, 0, metric.WithAttributes(attribute.String("outcome", outcome)))
	}
	return out, in.Err()
}

func (m metrics) transaction(ctx context.Context, committed bool, took time.Duration) {
	outcome := "aborted"
	if committed {
		outcome = "committed"
	}
	m.transactions.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
	m.seconds.Record(ctx, took.Seconds())
}

// blockedRows counts rows that were given back; importName is "" of dry runs' rows.
func (m metrics) blockedRows(ctx context.Context, importName string) {
	m.blocked.Add(ctx, 1, metric.WithAttributes(m.tel.ImportLabel(importName)))
}

// bearImport makes the counters of an import, at 0.
func (m metrics) bearImport(ctx context.Context, importName string) {
	m.counted(ctx, importName, "mapped", "", 0)
	m.blocked.Add(ctx, 0, metric.WithAttributes(m.tel.ImportLabel(importName)))
}

func (m metrics) counted(ctx context.Context, importName, outcome, code string, n int64) {
	m.rows.Add(ctx, n, metric.WithAttributes(
		m.tel.ImportLabel(importName), attribute.String("outcome", outcome), attribute.String("code", code)))
}

package extractor

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	catalogue "tapline.dev/schemas/metrics"
)

// metrics are the extractor's instruments.
type metrics struct {
	tel          *telemetry.Telemetry
	rows         metric.Int64Counter
	rejects      metric.Int64Counter
	attempts     metric.Int64Counter
	active       metric.Int64UpDownCounter
	partitions   metric.Int64UpDownCounter
	takeovers    metric.Int64Counter
	restarts     metric.Int64Counter
	retries      metric.Int64Counter
	chunks       metric.Int64Counter
	bytes        metric.Int64Counter
	transactions metric.Int64Counter
	download     metric.Float64Histogram
	transact     metric.Float64Histogram
	snowflake    *snowflakeMetrics
}

func newMetrics(tel *telemetry.Telemetry) (metrics, error) {
	in := telemetry.NewInstruments(tel.Meter(name))
	out := metrics{
		tel:          tel,
		rows:         in.Counter(catalogue.ExtractorRows),
		rejects:      in.Counter(catalogue.ExtractorRejects),
		attempts:     in.Counter(catalogue.ExtractorAttempts),
		active:       in.Changing(catalogue.ExtractorActive),
		partitions:   in.Changing(catalogue.ExtractorPartitions),
		takeovers:    in.Counter(catalogue.ExtractorTakeovers),
		restarts:     in.Counter(catalogue.ExtractorRestarts),
		retries:      in.Counter(catalogue.ExtractorRetries),
		chunks:       in.Counter(catalogue.ExtractorChunks),
		bytes:        in.Counter(catalogue.SnowflakeDownloaded),
		transactions: in.Counter(catalogue.ExtractorTransactions),
		download:     in.Histogram(catalogue.SnowflakeDownload),
		transact:     in.Histogram(catalogue.ExtractorTransactionDuration),
		snowflake:    newSnowflakeMetrics(in),
	}
	// What is 0 exists: the first failure is then an increase.
	ctx := context.Background()
	out.active.Add(ctx, 0)
	out.partitions.Add(ctx, 0)
	for _, c := range []metric.Int64Counter{out.takeovers, out.restarts, out.retries} {
		c.Add(ctx, 0)
	}
	for _, outcome := range []string{"committed", "aborted", "fenced", "failed"} {
		out.transactions.Add(ctx, 0, metric.WithAttributes(attribute.String("outcome", outcome)))
	}
	return out, in.Err()
}

// attempt counts an attempt that ended.
func (m metrics) attempt(ctx context.Context, importName, outcome string) {
	m.attempts.Add(ctx, 1, metric.WithAttributes(m.tel.ImportLabel(importName), attribute.String("outcome", outcome)))
}

// bear makes the counters of an import, at 0.
func (m metrics) bear(ctx context.Context, importName string) {
	for _, outcome := range []string{"final", "early", "abandoned", "held"} {
		m.attempts.Add(ctx, 0, metric.WithAttributes(m.tel.ImportLabel(importName), attribute.String("outcome", outcome)))
	}
	m.chunks.Add(ctx, 0, metric.WithAttributes(m.tel.ImportLabel(importName)))
}

func (m metrics) downloaded(ctx context.Context, connection string, bytes int, took time.Duration) {
	of := metric.WithAttributes(attribute.String("connection", connection))
	m.bytes.Add(ctx, int64(bytes), of)
	m.download.Record(ctx, took.Seconds(), of)
}

func (m metrics) transaction(ctx context.Context, err error, took time.Duration) {
	outcome := "failed"
	switch {
	case err == nil:
		outcome = "committed"
	case errors.Is(err, kafka.ErrFenced):
		outcome = "fenced"
	case errors.Is(err, kafka.ErrAborted):
		outcome = "aborted"
	}
	m.transactions.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
	m.transact.Record(ctx, took.Seconds())
}

// chunk counts what a committed chunk added.
func (m metrics) chunk(ctx context.Context, importName string, before, after schemas.Extraction) {
	of := m.tel.ImportLabel(importName)
	m.chunks.Add(ctx, 1, metric.WithAttributes(of))
	for outcome, n := range map[string]int64{
		"extracted":      after.Extracted - before.Extracted,
		"unchanged":      after.Unchanged - before.Unchanged,
		"still rejected": after.StillRejected - before.StillRejected,
		"future":         after.Future - before.Future,
		"rejected":       after.Rejected - before.Rejected,
		"skipped":        after.Skipped[schemas.SkipSuppressed] - before.Skipped[schemas.SkipSuppressed],
	} {
		if n > 0 {
			m.rows.Add(ctx, n, metric.WithAttributes(of, attribute.String("outcome", outcome)))
		}
	}
	for code, n := range after.RejectsByCode {
		if added := n - before.RejectsByCode[code]; added > 0 {
			m.rejects.Add(ctx, added, metric.WithAttributes(of, attribute.String("code", code)))
		}
	}
}

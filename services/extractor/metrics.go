package extractor

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// metrics are the extractor's instruments.
type metrics struct {
	rows         metric.Int64Counter
	rejects      metric.Int64Counter
	attempts     metric.Int64Counter
	active       metric.Int64UpDownCounter
	takeovers    metric.Int64Counter
	retries      metric.Int64Counter
	chunks       metric.Int64Counter
	bytes        metric.Int64Counter
	transactions metric.Int64Counter
	download     metric.Float64Histogram
	transact     metric.Float64Histogram
}

func newMetrics(m metric.Meter) (metrics, error) {
	var out metrics
	var errs []error
	counter := func(into *metric.Int64Counter, name, help string, opts ...metric.Int64CounterOption) {
		c, err := m.Int64Counter("tapline.extractor."+name, append(opts, metric.WithDescription(help))...)
		*into, errs = c, append(errs, err)
	}
	counter(&out.rows, "rows", "Rows read, by import and outcome (extracted, unchanged, still rejected, future, rejected, skipped); counted once committed.")
	counter(&out.rejects, "rejects", "Rows rejected, by import and code.")
	counter(&out.attempts, "attempts", "Attempts that ended, by import and outcome (final, early, abandoned, held).")
	counter(&out.takeovers, "takeovers", "Attempts taken over again after an error of Kafka.")
	counter(&out.retries, "retries", "Sessions with Snowflake that were begun anew within an attempt.")
	counter(&out.chunks, "chunks", "Chunks committed, by import.")
	counter(&out.bytes, "downloaded", "Bytes of chunks downloaded, unpacked.", metric.WithUnit("By"))
	counter(&out.transactions, "transactions", "Transactions, by outcome (committed, aborted, fenced, failed).")
	var err error
	out.active, err = m.Int64UpDownCounter("tapline.extractor.active", metric.WithDescription("Attempts at work."))
	errs = append(errs, err)
	out.download, err = m.Float64Histogram("tapline.extractor.download.duration", metric.WithUnit("s"), metric.WithDescription("Time to download a chunk, repetitions included."))
	errs = append(errs, err)
	out.transact, err = m.Float64Histogram("tapline.extractor.transaction.duration", metric.WithUnit("s"), metric.WithDescription("Time of one transaction."))
	errs = append(errs, err)
	return out, errors.Join(errs...)
}

func (m metrics) attempt(ctx context.Context, importName, outcome string) {
	m.attempts.Add(ctx, 1, metric.WithAttributes(attribute.String("import", importName), attribute.String("outcome", outcome)))
}

func (m metrics) downloaded(ctx context.Context, bytes int, took time.Duration) {
	m.bytes.Add(ctx, int64(bytes))
	m.download.Record(ctx, took.Seconds())
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
	of := attribute.String("import", importName)
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

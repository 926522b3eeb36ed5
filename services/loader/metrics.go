package loader

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// metrics are the loader's instruments.
type metrics struct {
	records  metric.Int64Counter
	resent   metric.Int64Counter
	answers  metric.Int64Counter
	size     metric.Int64Histogram
	seconds  metric.Float64Histogram
	busy     metric.Float64Counter
	inFlight metric.Int64UpDownCounter
	limit    metric.Int64Gauge
	slots    metric.Int64Gauge
	circuit  metric.Int64Gauge
	restarts metric.Int64Counter
}

func newMetrics(m metric.Meter) (metrics, error) {
	var out metrics
	var errs [11]error
	out.records, errs[0] = m.Int64Counter("tapline.loader.records",
		metric.WithDescription("Records by import, outcome (loaded, rejected, skipped) and code or reason."))
	out.resent, errs[1] = m.Int64Counter("tapline.loader.records.resent",
		metric.WithDescription("Records written to a socket again after a request that may have been applied."))
	out.answers, errs[2] = m.Int64Counter("tapline.loader.requests",
		metric.WithDescription("Requests by account and what became of them."))
	out.size, errs[3] = m.Int64Histogram("tapline.loader.request.records", metric.WithUnit("{record}"),
		metric.WithDescription("Records in a request."))
	out.seconds, errs[4] = m.Float64Histogram("tapline.loader.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from a request's start to its answer."))
	out.busy, errs[5] = m.Float64Counter("tapline.loader.slots.busy", metric.WithUnit("s"),
		metric.WithDescription("Time that requests were in flight: divided by time and the limit, the slots' use."))
	out.inFlight, errs[6] = m.Int64UpDownCounter("tapline.loader.requests.in_flight",
		metric.WithDescription("Requests in flight by account."))
	out.limit, errs[7] = m.Int64Gauge("tapline.loader.slots.limit",
		metric.WithDescription("Requests in flight that CleverTap is thought to tolerate: halved by 429, growing back."))
	out.slots, errs[8] = m.Int64Gauge("tapline.loader.slots.share",
		metric.WithDescription("Requests in flight that this replica may have, by lease or static share."))
	out.circuit, errs[9] = m.Int64Gauge("tapline.loader.circuit.open",
		metric.WithDescription("1 while an account is held back to single requests."))
	out.restarts, errs[10] = m.Int64Counter("tapline.loader.restarts",
		metric.WithDescription("Memberships of the consumer group that ended with an error."))
	return out, errors.Join(errs[:]...)
}

func ofAccount(name string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("account", name))
}

func (m metrics) started(ctx context.Context, account string) {
	m.inFlight.Add(ctx, 1, ofAccount(account))
}

func (m metrics) answered(ctx context.Context, account, result string, records int, took time.Duration) {
	m.inFlight.Add(ctx, -1, ofAccount(account))
	m.busy.Add(ctx, took.Seconds(), ofAccount(account))
	both := metric.WithAttributes(attribute.String("account", account), attribute.String("result", result))
	m.answers.Add(ctx, 1, both)
	m.seconds.Record(ctx, took.Seconds(), both)
	m.size.Record(ctx, int64(records), ofAccount(account))
}

func (m metrics) counted(ctx context.Context, importName, outcome, code string, n int64) {
	m.records.Add(ctx, n, metric.WithAttributes(
		attribute.String("import", importName), attribute.String("outcome", outcome), attribute.String("code", code)))
}

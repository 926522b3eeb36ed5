package loader

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	catalogue "tapline.dev/schemas/metrics"
)

// metrics are the loader's instruments. What is a state of an account is in accountGauges.
type metrics struct {
	tel      *telemetry.Telemetry
	records  metric.Int64Counter
	resent   metric.Int64Counter
	answers  metric.Int64Counter
	size     metric.Float64Histogram
	seconds  metric.Float64Histogram
	wait     metric.Float64Histogram
	restarts metric.Int64Counter
	takeover metric.Int64Counter
	skew     metric.Float64Gauge
	accounts *accountGauges
}

func newMetrics(tel *telemetry.Telemetry) (metrics, error) {
	in := telemetry.NewInstruments(tel.Meter("tapline.dev/services/loader"))
	out := metrics{
		tel:      tel,
		records:  in.Counter(catalogue.LoaderRecords),
		resent:   in.Counter(catalogue.LoaderResent),
		answers:  in.Counter(catalogue.LoaderRequests),
		size:     in.Histogram(catalogue.LoaderRequestRecords),
		seconds:  in.Histogram(catalogue.LoaderRequestDuration),
		wait:     in.Histogram(catalogue.LoaderSlotWait),
		restarts: in.Counter(catalogue.LoaderRestarts),
		takeover: in.Counter(catalogue.LoaderTakeovers),
		skew:     in.Gauge(catalogue.ClockSkew),
		accounts: newAccountGauges(),
	}
	in.Observe(func(o telemetry.Observer) { out.accounts.observe(o, tel, time.Now()) },
		catalogue.LoaderInFlight, catalogue.LoaderInFlightOfImport, catalogue.LoaderSlotsBusy, catalogue.LoaderSlotsLimit,
		catalogue.LoaderSlotsShare, catalogue.LoaderOldestWaiting, catalogue.LoaderCircuit, catalogue.LoaderRefused)
	// What is 0 exists: the first restart is then an increase.
	for _, c := range []metric.Int64Counter{out.restarts, out.takeover, out.resent} {
		c.Add(context.Background(), 0)
	}
	return out, in.Err()
}

func ofAccount(name string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("account", name))
}

// bearAccount makes the counters of an account, at 0.
func (m metrics) bearAccount(ctx context.Context, account string) {
	for _, result := range catalogue.RequestResults() {
		m.answers.Add(ctx, 0, metric.WithAttributes(attribute.String("account", account), attribute.String("result", result)))
	}
}

// bearImport makes the counter of an import, at 0.
func (m metrics) bearImport(ctx context.Context, importName string) {
	m.counted(ctx, importName, "loaded", "", 0)
}

// started counts a request that takes a slot: of an upload of the subject, or of a probe if
// that is "". The upload waited for its slot.
func (m metrics) started(ctx context.Context, account, subject string, waited time.Duration) {
	m.accounts.started(account, schemas.ImportOf(subject), time.Now())
	if subject != "" {
		m.wait.Record(ctx, max(waited, 0).Seconds(), ofAccount(account))
	}
}

// clock compares CleverTap's clock, which an answer may say, with this process's.
func (m metrics) clock(ctx context.Context, date, began, ended time.Time) {
	if !date.IsZero() {
		m.skew.Record(ctx, clockSkew(date, began, ended).Seconds(), metric.WithAttributes(attribute.String("server", "clevertap")))
	}
}

// answered counts the answer to it. The context's trace becomes an exemplar.
func (m metrics) answered(ctx context.Context, account, subject, result string, records int, took time.Duration) {
	m.accounts.answered(account, schemas.ImportOf(subject), time.Now())
	both := metric.WithAttributes(attribute.String("account", account), attribute.String("result", result))
	m.answers.Add(ctx, 1, both)
	m.seconds.Record(ctx, took.Seconds(), both)
	m.size.Record(ctx, float64(records), ofAccount(account))
}

func (m metrics) counted(ctx context.Context, importName, outcome, code string, n int64) {
	m.records.Add(ctx, n, metric.WithAttributes(
		m.tel.ImportLabel(importName), attribute.String("outcome", outcome), attribute.String("code", code)))
}

package kafka

import (
	"context"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas/metrics"
)

// instrumentation is the name of this package's meter.
const instrumentation = "tapline.dev/libs/kafka"

// meterHooks measure a client's requests, records and connections. They write no spans: a
// span for each record doubles the CPU use of a client even if no trace is sampled.
type meterHooks struct {
	duration      metric.Float64Histogram
	written       metric.Int64Counter
	read          metric.Int64Counter
	connectErrors metric.Int64Counter
	sent          metric.Int64Counter
	consumed      metric.Int64Counter
	system        metric.MeasurementOption
}

var (
	_ kgo.HookBrokerE2E           = (*meterHooks)(nil)
	_ kgo.HookBrokerConnect       = (*meterHooks)(nil)
	_ kgo.HookProduceBatchWritten = (*meterHooks)(nil)
	_ kgo.HookFetchBatchRead      = (*meterHooks)(nil)
)

func newMeterHooks(provider metric.MeterProvider) (*meterHooks, error) {
	in := telemetry.NewInstruments(provider.Meter(instrumentation))
	h := &meterHooks{
		duration: in.Histogram(metrics.KafkaRequestDuration),
		written:  in.Counter(metrics.KafkaWritten), read: in.Counter(metrics.KafkaRead),
		connectErrors: in.Counter(metrics.KafkaConnectErrors),
		sent:          in.Counter(metrics.KafkaSent), consumed: in.Counter(metrics.KafkaConsumed),
		system: metric.WithAttributeSet(attribute.NewSet(attribute.String("messaging.system", "kafka"))),
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	// What is 0 exists: the first failure is then an increase.
	ctx := context.Background()
	for _, c := range []metric.Int64Counter{h.written, h.read, h.connectErrors} {
		c.Add(ctx, 0)
	}
	h.sent.Add(ctx, 0, h.system)
	h.consumed.Add(ctx, 0, h.system)
	return h, nil
}

// OnBrokerE2E measures a request that was answered, or that failed.
func (h *meterHooks) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	ctx, outcome := context.Background(), "ok"
	if e2e.Err() != nil {
		outcome = "error"
	}
	h.duration.Record(ctx, e2e.DurationE2E().Seconds(), metric.WithAttributes(
		attribute.String("api", kmsg.NameForKey(key)), attribute.String("outcome", outcome)))
	h.written.Add(ctx, int64(e2e.BytesWritten))
	h.read.Add(ctx, int64(e2e.BytesRead))
}

// OnBrokerConnect counts a connection that could not be made.
func (h *meterHooks) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		h.connectErrors.Add(context.Background(), 1)
	}
}

// OnProduceBatchWritten counts the records of a batch that Kafka has acknowledged.
func (h *meterHooks) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, batch kgo.ProduceBatchMetrics) {
	h.sent.Add(context.Background(), int64(batch.NumRecords), h.system)
}

// OnFetchBatchRead counts the records of a batch that was fetched.
func (h *meterHooks) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, batch kgo.FetchBatchMetrics) {
	h.consumed.Add(context.Background(), int64(batch.NumRecords), h.system)
}

package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas"
)

const (
	sent          = `messaging_client_sent_messages_total{messaging_system="kafka"}`
	consumed      = `messaging_client_consumed_messages_total{messaging_system="kafka"}`
	written       = "tapline_kafka_written_bytes_total"
	read          = "tapline_kafka_read_bytes_total"
	connectErrors = "tapline_kafka_connect_errors_total"
)

// A service's metrics say what it sends to Kafka and gets from it, and how long Kafka takes.
func TestRequestsAndRecordsAreCounted(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	rec := telemetrytest.New(t, "x")
	deps := kafka.Deps{Log: slog.New(slog.DiscardHandler), Meter: rec.MeterProvider()}
	producer := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, deps))
	defer producer.Close()
	for _, name := range []string{sent, consumed, written, read, connectErrors} {
		if n, ok := rec.Metrics(t, "")[name]; !ok || n != 0 {
			t.Errorf("before the first request %s is %v, %v, want 0", name, n, ok)
		}
	}
	tp := kafka.TP{Topic: schemas.NewTopics(cfg.Prefix).State()}
	for range 3 {
		must(t, producer.Produce(t.Context(), &kafka.Record{Topic: tp.Topic, Key: []byte("one"), Value: make([]byte, 1000)}))
	}
	reader := open[*kafka.Reader](t)(kafka.OpenReader(cfg, deps))
	defer reader.Close()
	_, err := reader.ReadTo(t.Context(), tp, 0, func(*kafka.Record) error { return nil })
	must(t, err)
	got := rec.Metrics(t, "")
	if got[sent] != 3 || got[consumed] != 3 {
		t.Errorf("%v records sent and %v fetched, want 3 and 3", got[sent], got[consumed])
	}
	if got[written] == 0 || got[read] == 0 || got[connectErrors] != 0 {
		t.Errorf("%v bytes written, %v read, %v connections failed", got[written], got[read], got[connectErrors])
	}
	for _, api := range []string{"Produce", "Fetch"} {
		if n := got[`tapline_kafka_request_duration_seconds_count{api="`+api+`",outcome="ok"}`]; n == 0 {
			t.Errorf("no %s request is measured", api)
		}
	}
}

func TestConnectionsThatFailAreCounted(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "x")
	reader := open[*kafka.Reader](t)(kafka.OpenReader(kafka.DefaultConfig(), kafka.Deps{
		Log: slog.New(slog.DiscardHandler), Meter: rec.MeterProvider(),
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") },
	}))
	defer reader.Close()
	if _, err := reader.EndOffset(t.Context(), kafka.TP{Topic: "t"}); err == nil {
		t.Fatal("an offset without a broker")
	}
	if n := rec.Metrics(t, "")[connectErrors]; n == 0 {
		t.Error("no connection counts as failed")
	}
}

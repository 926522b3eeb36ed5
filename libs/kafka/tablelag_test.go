package kafka_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas"
)

// What a transaction hides is not read: the metric says so until the transaction ends.
func TestATableSaysHowFarItIsBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, deps := kafkatest.StartVirtual(t)
		topic := schemas.NewTopics(cfg.Prefix).State()
		rec := telemetrytest.New(t, "x")
		measured := deps
		measured.Meter = rec.MeterProvider()
		table := open[*kafka.Table[int]](t)(kafka.OpenTable(cfg, measured, kafka.TableConfig[int]{Topic: topic}))
		runTable(t, table)
		expect := func(when string, want float64) {
			t.Helper()
			time.Sleep(time.Minute) // of the bubble's clock
			series := `tapline_kafka_table_lag{topic="` + topic + `"}`
			if n, ok := rec.Metrics(t, "tapline_kafka_table")[series]; !ok || n != want {
				t.Errorf("%s the lag is %v, %v, want %v", when, n, ok, want)
			}
		}
		expect("of an empty topic", 0)
		producer := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, deps))
		defer producer.Close()
		for range 3 {
			must(t, producer.Produce(t.Context(), &kafka.Record{Topic: topic, Key: []byte("a"), Value: []byte("1")}))
		}
		expect("with all read", 0)
		cfg.TransactionTimeout = 10 * time.Minute
		tx := open[*kafka.Transactor](t)(kafka.OpenTransactor(t.Context(), cfg, deps, "foreign"))
		defer tx.Close()
		must(t, tx.Begin())
		tx.Produce(&kafka.Record{Topic: topic, Key: []byte("b"), Value: []byte("1")})
		expect("while a transaction hides a record", 1)
		must(t, tx.Commit(t.Context()))
		expect("once it has ended", 0)
	})
}

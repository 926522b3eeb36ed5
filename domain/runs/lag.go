package runs

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas/metrics"
)

// LagGauges are the metrics of a stage that is behind, or not: by import, of the
// partitions that this process owns.
type LagGauges struct {
	Lag, Age, Partitions, RetentionUsed metrics.Metric
	Watch                               *kafka.LagWatch
	// ImportOf is the import of a topic, "" of one that is no import's.
	ImportOf func(topic string) string
	// Retention is for how long the import's topic keeps what was written.
	Retention func(importName string) time.Duration
	// Bear makes the counters of an import that has come.
	Bear func(ctx context.Context, importName string)
}

// lagOf is the lag of one label.
type lagOf struct {
	records, partitions int
	age, used           float64
}

// Export makes the gauges.
func (g LagGauges) Export(in *telemetry.Instruments, tel *telemetry.Telemetry) {
	born := map[string]bool{}
	in.Observe(func(o telemetry.Observer) {
		now := time.Now()
		byLabel := map[attribute.KeyValue]*lagOf{}
		for tp, lag := range g.Watch.Lags() {
			importName := g.ImportOf(tp.Topic)
			if importName == "" {
				continue
			}
			if !born[importName] {
				born[importName] = true
				g.Bear(context.Background(), importName)
			}
			label := tel.ImportLabel(importName)
			if byLabel[label] == nil {
				byLabel[label] = &lagOf{}
			}
			byLabel[label].add(lag, now, g.Retention(importName))
		}
		for label, l := range byLabel {
			o.Set(g.Lag, float64(l.records), label)
			o.Set(g.Age, l.age, label)
			o.Set(g.Partitions, float64(l.partitions), label)
			o.Set(g.RetentionUsed, l.used, label)
		}
	}, g.Lag, g.Age, g.Partitions, g.RetentionUsed)
}

func (l *lagOf) add(lag kafka.Lag, now time.Time, retention time.Duration) {
	l.partitions++
	l.records += int(lag.Records)
	if lag.Oldest.IsZero() {
		return
	}
	age := max(now.Sub(lag.Oldest).Seconds(), 0)
	l.age = max(l.age, age)
	if retention > 0 {
		l.used = max(l.used, age/retention.Seconds())
	}
}

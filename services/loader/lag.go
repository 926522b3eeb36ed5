package loader

import (
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	catalogue "tapline.dev/schemas/metrics"
)

// watchLag exports how far the loader is behind in the partitions that it owns.
func (s *Service) watchLag() (err error) {
	if s.lagReader, err = kafka.OpenReader(s.cfg.Kafka, s.kafka); err != nil {
		return err
	}
	s.lag = kafka.NewLagWatch(s.lagReader, Group)
	in := telemetry.NewInstruments(s.deps.Telemetry.Meter("tapline.dev/services/loader"))
	runs.LagGauges{
		Lag: catalogue.LoaderLag, Age: catalogue.LoaderLagAge, Partitions: catalogue.LoaderPartitions, RetentionUsed: catalogue.LoaderRetentionUsed,
		Watch: s.lag, ImportOf: s.topics.ImportOf, Bear: s.metrics.bearImport,
		Retention: func(importName string) time.Duration {
			return s.topics.ImportTopics(importName, s.imports.TopicSettings(importName))[1].Retention
		},
	}.Export(in, s.deps.Telemetry)
	return in.Err()
}

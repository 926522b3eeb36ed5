package mapper

import (
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	catalogue "tapline.dev/schemas/metrics"
)

// watchLag exports how far the mapper is behind in the partitions that it owns.
func (s *Service) watchLag() error {
	s.lag = kafka.NewLagWatch(s.reader, Group)
	in := telemetry.NewInstruments(s.deps.Telemetry.Meter("tapline.dev/services/mapper"))
	runs.LagGauges{
		Lag: catalogue.MapperLag, Age: catalogue.MapperLagAge, Partitions: catalogue.MapperPartitions, RetentionUsed: catalogue.MapperRetentionUsed,
		Watch: s.lag, ImportOf: s.topics.ImportOf, Bear: s.metrics.bearImport,
		Retention: func(importName string) time.Duration {
			return s.topics.ImportTopics(importName, s.imports.TopicSettings(importName))[0].Retention
		},
	}.Export(in, s.deps.Telemetry)
	return in.Err()
}

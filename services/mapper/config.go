package mapper

import (
	"errors"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
)

// Config is what operators set.
type Config struct {
	Kafka kafka.Config
	// Instance names this replica; empty takes the host's name. It must differ between
	// replicas that run at the same time and stay the same over restarts, as a
	// StatefulSet's pod name does: it is the transactional id. A second mapper of one
	// name waits until the first is gone, and ends with code 2 if it stays.
	Instance string
	// Suppression is about people who must not be sent.
	Suppression suppression.Config
	// BatchRows is how many rows one transaction takes at most.
	BatchRows int
	// Parallel is how many members of the consumer group this process has. Each maps
	// partitions of its own, one transaction after another, and keeps at most one core
	// busy.
	Parallel int
}

// DefaultConfig returns the values in force where nothing is set.
func DefaultConfig() Config {
	return Config{Kafka: kafka.DefaultConfig(), BatchRows: 5000, Parallel: 1}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.BatchRows < 1 || c.BatchRows > 100_000 {
		errs = append(errs, config.Bad("batchRows", "must be between 1 and 100000"))
	}
	if c.Parallel < 1 || c.Parallel > 64 {
		errs = append(errs, config.Bad("parallel", "must be between 1 and 64"))
	}
	return errors.Join(errs...)
}

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
}

// DefaultConfig returns the values in force where nothing is set.
func DefaultConfig() Config {
	return Config{Kafka: kafka.DefaultConfig(), BatchRows: 5000}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.BatchRows < 1 || c.BatchRows > 100_000 {
		errs = append(errs, config.Bad("batchRows", "must be between 1 and 100000"))
	}
	return errors.Join(errs...)
}

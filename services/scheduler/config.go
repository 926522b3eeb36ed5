package scheduler

import (
	"errors"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
)

// Config is what operators set.
type Config struct {
	Kafka kafka.Config
	Redis redis.Config
	// Linger is how long a step waits for more reports before it commits.
	Linger time.Duration
	// MaxBatch is how many reports a step takes.
	MaxBatch int
	// Tick is how often deadlines, progress and Redis are looked at.
	Tick time.Duration
	// ProgressEvery is the least time between two events of a run's counts.
	ProgressEvery time.Duration
	// MaxAttempts bounds the attempts of a run; RetryDelay is waited before the
	// second and doubles up to RetryMax.
	MaxAttempts int
	RetryDelay  time.Duration
	RetryMax    time.Duration
	// Deadline ends a run without progress, unless its definition says otherwise.
	Deadline time.Duration
	// CatchUpGrace is how late an import that skips missed instants still runs.
	CatchUpGrace time.Duration
	// AfterGrace is how long a run that comes after other imports waits for theirs
	// to begin, AfterLimit how long for them to succeed; then a scheduled run fails,
	// and one that a person asked for begins with a note.
	AfterGrace time.Duration
	AfterLimit time.Duration
	// TakeoverPause is waited before a takeover is repeated after an error. While
	// errors follow each other it doubles, up to 16 times itself.
	TakeoverPause time.Duration
	// CommitTimeout bounds a step, also the one in hand when the service stops.
	CommitTimeout time.Duration
}

// DefaultConfig returns the values in force where nothing is set.
func DefaultConfig() Config {
	return Config{
		Kafka:         kafka.DefaultConfig(),
		Redis:         redis.Default(),
		Linger:        25 * time.Millisecond,
		MaxBatch:      5000,
		Tick:          500 * time.Millisecond,
		ProgressEvery: time.Second,
		MaxAttempts:   5,
		RetryDelay:    5 * time.Second,
		RetryMax:      5 * time.Minute,
		Deadline:      6 * time.Hour,
		CatchUpGrace:  time.Minute,
		AfterGrace:    5 * time.Second,
		AfterLimit:    6 * time.Hour,
		TakeoverPause: time.Second,
		CommitTimeout: 30 * time.Second,
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	positive := func(key string, d time.Duration) {
		if d <= 0 {
			errs = append(errs, config.Bad(key, "must be positive"))
		}
	}
	positive("tick", c.Tick)
	positive("progressEvery", c.ProgressEvery)
	positive("retryDelay", c.RetryDelay)
	positive("retryMax", c.RetryMax)
	positive("deadline", c.Deadline)
	positive("catchUpGrace", c.CatchUpGrace)
	positive("afterGrace", c.AfterGrace)
	positive("afterLimit", c.AfterLimit)
	positive("takeoverPause", c.TakeoverPause)
	positive("commitTimeout", c.CommitTimeout)
	if c.Linger < 0 || c.Linger > time.Second {
		errs = append(errs, config.Bad("linger", "must be between 0s and 1s"))
	}
	if c.MaxBatch < 1 {
		errs = append(errs, config.Bad("maxBatch", "must be at least 1"))
	}
	if c.MaxAttempts < 1 {
		errs = append(errs, config.Bad("maxAttempts", "must be at least 1"))
	}
	return errors.Join(errs...)
}

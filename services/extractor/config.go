package extractor

import (
	"errors"
	"time"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
)

// Config is what operators set.
type Config struct {
	Kafka kafka.Config
	// Redis holds the ledger of rows read.
	Redis redis.Config
	// Concurrency is how many attempts run at once, and how many previews and dry
	// runs beside them. Each attempt holds up to four chunks in memory, see chunkMemory.
	Concurrency int
	// ChunkMemory bounds the chunks that all attempts together hold at once, by their
	// size as Snowflake sends them, unpacked. Their rows take two to three times as much
	// on top. A larger chunk is read alone.
	ChunkMemory config.Bytes
	// LedgerLimit caps the ledger's entries, of 16 bytes each. Rows beyond it are
	// sent again by the next run.
	LedgerLimit int
	// HeartbeatEvery is how often an attempt reports that it is alive.
	HeartbeatEvery time.Duration
	// Tries is how often an attempt asks Snowflake again without getting on
	// before it gives up; RetryDelay is the first pause between tries.
	Tries      int
	RetryDelay time.Duration
	// EarlyReport is how long a statement with a known id may run before the id
	// is reported, so that another owner can wait for the same statement.
	EarlyReport time.Duration
	// AllowCustomEndpoints lets connections name a host, port or protocol.
	AllowCustomEndpoints bool
	// Secrets bound what secret references in connections may point to.
	Secrets config.References
	// Egress bounds which proxies and authorities connections may name.
	Egress egress.Config
	// Suppression is about people who must not be sent.
	Suppression suppression.Config
	Snowflake   SnowflakeConfig
}

// SnowflakeConfig bounds what is asked of Snowflake.
type SnowflakeConfig struct {
	// LoginTimeout bounds one sign-in with its repetitions.
	LoginTimeout time.Duration
	// StatementTimeout and QueuedTimeout are set for each session; a lower limit
	// of the warehouse wins.
	StatementTimeout time.Duration
	QueuedTimeout    time.Duration
	// StallTimeout cuts a chunk's download that makes no progress; ChunkTries is
	// how often a broken chunk is fetched.
	StallTimeout time.Duration
	ChunkTries   int
	// ChunkMegabytes bounds a chunk of a result, unpacked: an attempt holds up to
	// four. Snowflake allows 16 to 160.
	ChunkMegabytes int
}

// DefaultConfig returns the values in force where nothing is set.
func DefaultConfig() Config {
	return Config{
		Kafka:          kafka.DefaultConfig(),
		Redis:          redis.Default(),
		Secrets:        config.DefaultReferences(),
		Egress:         egress.Default(),
		Concurrency:    8,
		ChunkMemory:    48 << 20,
		LedgerLimit:    5_000_000,
		HeartbeatEvery: 10 * time.Second,
		Tries:          5,
		RetryDelay:     500 * time.Millisecond,
		EarlyReport:    2 * time.Second,
		Snowflake: SnowflakeConfig{
			LoginTimeout:     15 * time.Second,
			StatementTimeout: 4 * time.Hour,
			QueuedTimeout:    time.Hour,
			StallTimeout:     time.Minute,
			ChunkTries:       5,
			ChunkMegabytes:   16,
		},
	}
}

// Validate reports every setting that cannot work.
func (c Config) Validate() error {
	var errs []error
	for _, n := range []struct {
		key       string
		value     int
		low, high int
	}{
		{"concurrency", c.Concurrency, 1, 64},
		{"ledgerLimit", c.LedgerLimit, 0, 100_000_000},
		{"tries", c.Tries, 1, 100},
		{"snowflake.chunkTries", c.Snowflake.ChunkTries, 1, 100},
		{"snowflake.chunkMegabytes", c.Snowflake.ChunkMegabytes, 16, 160},
	} {
		if n.value < n.low || n.value > n.high {
			errs = append(errs, config.Bad(n.key, "must be between %d and %d", n.low, n.high))
		}
	}
	for _, d := range []struct {
		key   string
		value time.Duration
		low   time.Duration
	}{
		{"heartbeatEvery", c.HeartbeatEvery, 10 * time.Millisecond},
		{"retryDelay", c.RetryDelay, time.Millisecond},
		{"earlyReport", c.EarlyReport, time.Millisecond},
		{"snowflake.loginTimeout", c.Snowflake.LoginTimeout, time.Second},
		{"snowflake.statementTimeout", c.Snowflake.StatementTimeout, time.Second},
		{"snowflake.queuedTimeout", c.Snowflake.QueuedTimeout, time.Second},
		{"snowflake.stallTimeout", c.Snowflake.StallTimeout, 10 * time.Millisecond},
	} {
		if d.value < d.low {
			errs = append(errs, config.Bad(d.key, "must be at least %s", d.low))
		}
	}
	if c.ChunkMemory < 1<<20 {
		errs = append(errs, config.Bad("chunkMemory", "must be at least 1MiB"))
	}
	return errors.Join(errs...)
}

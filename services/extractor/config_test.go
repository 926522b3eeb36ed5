package extractor

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/config"
)

func TestDefaultConfigIsValid(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	if err := config.Validate(&cfg); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	t.Parallel()
	for key, spoil := range map[string]func(*Config){
		"concurrency":                func(c *Config) { c.Concurrency = 65 },
		"ledgerLimit":                func(c *Config) { c.LedgerLimit = -1 },
		"heartbeatEvery":             func(c *Config) { c.HeartbeatEvery = 0 },
		"tries":                      func(c *Config) { c.Tries = 0 },
		"retryDelay":                 func(c *Config) { c.RetryDelay = 0 },
		"earlyReport":                func(c *Config) { c.EarlyReport = 0 },
		"snowflake.loginTimeout":     func(c *Config) { c.Snowflake.LoginTimeout = time.Millisecond },
		"snowflake.statementTimeout": func(c *Config) { c.Snowflake.StatementTimeout = 0 },
		"snowflake.queuedTimeout":    func(c *Config) { c.Snowflake.QueuedTimeout = 0 },
		"snowflake.stallTimeout":     func(c *Config) { c.Snowflake.StallTimeout = 0 },
		"snowflake.chunkTries":       func(c *Config) { c.Snowflake.ChunkTries = 0 },
		"snowflake.chunkMegabytes":   func(c *Config) { c.Snowflake.ChunkMegabytes = 15 },
		"chunkMemory":                func(c *Config) { c.ChunkMemory = 1000 },
	} {
		cfg := DefaultConfig()
		spoil(&cfg)
		if err := config.Validate(&cfg); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: Validate() = %v, want an error that names it", key, err)
		}
	}
}

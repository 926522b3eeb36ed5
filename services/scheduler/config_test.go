package scheduler

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
		"linger":        func(c *Config) { c.Linger = 2 * time.Second },
		"maxBatch":      func(c *Config) { c.MaxBatch = 0 },
		"tick":          func(c *Config) { c.Tick = 0 },
		"progressEvery": func(c *Config) { c.ProgressEvery = 0 },
		"maxAttempts":   func(c *Config) { c.MaxAttempts = 0 },
		"retryDelay":    func(c *Config) { c.RetryDelay = 0 },
		"retryMax":      func(c *Config) { c.RetryMax = -time.Second },
		"deadline":      func(c *Config) { c.Deadline = 0 },
		"catchUpGrace":  func(c *Config) { c.CatchUpGrace = 0 },
		"afterGrace":    func(c *Config) { c.AfterGrace = 0 },
		"afterLimit":    func(c *Config) { c.AfterLimit = 0 },
		"takeoverPause": func(c *Config) { c.TakeoverPause = 0 },
		"commitTimeout": func(c *Config) { c.CommitTimeout = 0 },
	} {
		cfg := DefaultConfig()
		spoil(&cfg)
		if err := config.Validate(&cfg); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: Validate() = %v, want an error that names it", key, err)
		}
	}
}

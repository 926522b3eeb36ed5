package mapper

import (
	"strings"
	"testing"

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
		"batchRows": func(c *Config) { c.BatchRows = 100_001 },
		"parallel":  func(c *Config) { c.Parallel = 0 },
	} {
		cfg := DefaultConfig()
		spoil(&cfg)
		if err := config.Validate(&cfg); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: Validate() = %v, want an error that names it", key, err)
		}
	}
}

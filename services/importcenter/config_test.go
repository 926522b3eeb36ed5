package importcenter

import (
	"strings"
	"testing"

	"tapline.dev/libs/config"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		addr, mode, says string
	}{
		"as it comes":             {"127.0.0.1:19000", "none", ""},
		"loopback by name":        {"localhost:19000", "none", ""},
		"loopback, sixth version": {"[::1]:19000", "none", ""},
		"everywhere":              {"0.0.0.0:19000", "none", "tapline keys bootstrap"},
		"everywhere, by omission": {":19000", "none", "tapline keys bootstrap"},
		"an address":              {"10.0.0.7:19000", "none", "tapline keys bootstrap"},
		"everywhere with keys":    {"0.0.0.0:19000", "keys", ""},
		"no mode":                 {"127.0.0.1:19000", "", "auth.mode"},
		"a mode that is none":     {"127.0.0.1:19000", "basic", "auth.mode"},
		"none and keys":           {"127.0.0.1:19000", "none,keys", "none stands alone"},
	} {
		cfg := DefaultConfig()
		cfg.HTTP.Addr, cfg.Auth.Mode = c.addr, c.mode
		err := config.Validate(&cfg)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

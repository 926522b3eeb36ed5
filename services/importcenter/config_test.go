package importcenter

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/config"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		addr, mode, says string
		edit             func(*OIDCConfig)
	}{
		"a provider":                    {"0.0.0.0:19000", "oidc", "", nil},
		"both":                          {"0.0.0.0:19000", "keys, oidc", "", nil},
		"a provider without TLS":        {"0.0.0.0:19000", "oidc", "oidc.issuer", func(c *OIDCConfig) { c.Issuer = "http://id.example.com" }},
		"no client":                     {"0.0.0.0:19000", "oidc", "oidc.clientId", func(c *OIDCConfig) { c.ClientID = "" }},
		"no roles":                      {"0.0.0.0:19000", "oidc", "oidc.roles", func(c *OIDCConfig) { c.Roles = nil }},
		"a role that is none":           {"0.0.0.0:19000", "oidc", "oidc.roles", func(c *OIDCConfig) { c.Roles = []string{"admins=root"} }},
		"a shared secret's algorithm":   {"0.0.0.0:19000", "oidc", "oidc.algorithms", func(c *OIDCConfig) { c.Algorithms = []string{"HS256"} }},
		"no algorithm":                  {"0.0.0.0:19000", "oidc", "oidc.algorithms", func(c *OIDCConfig) { c.Algorithms = []string{"none"} }},
		"a redirect without TLS":        {"0.0.0.0:19000", "oidc", "oidc.redirectUrl", func(c *OIDCConfig) { c.RedirectURL = "http://tapline.example.com/auth/callback" }},
		"no session at all":             {"0.0.0.0:19000", "oidc", "oidc.sessionsPerPerson", func(c *OIDCConfig) { c.SessionsPerPerson = 0 }},
		"a role asked for all the time": {"0.0.0.0:19000", "oidc", "oidc.roleRefresh", func(c *OIDCConfig) { c.RoleRefresh = time.Millisecond }},
		"no role is asked for again":    {"0.0.0.0:19000", "oidc", "", func(c *OIDCConfig) { c.RoleRefresh = 0 }},
		"a method with a blank":         {"0.0.0.0:19000", "oidc", "oidc.requireAcr", func(c *OIDCConfig) { c.RequireAMR = []string{"mfa pwd"} }},
		"a sign-in in the future":       {"0.0.0.0:19000", "oidc", "oidc.maxAuthAge", func(c *OIDCConfig) { c.MaxAuthAge = -time.Hour }},
		"a session that never ends":     {"0.0.0.0:19000", "oidc", "oidc.sessionLife", func(c *OIDCConfig) { c.SessionIdle = 0 }},

		"as it comes":             {"127.0.0.1:19000", "none", "", nil},
		"loopback by name":        {"localhost:19000", "none", "", nil},
		"loopback, sixth version": {"[::1]:19000", "none", "", nil},
		"everywhere":              {"0.0.0.0:19000", "none", "tapline keys bootstrap", nil},
		"everywhere, by omission": {":19000", "none", "tapline keys bootstrap", nil},
		"an address":              {"10.0.0.7:19000", "none", "tapline keys bootstrap", nil},
		"everywhere with keys":    {"0.0.0.0:19000", "keys", "", nil},
		"no mode":                 {"127.0.0.1:19000", "", "auth.mode", nil},
		"a mode that is none":     {"127.0.0.1:19000", "basic", "auth.mode", nil},
		"none and keys":           {"127.0.0.1:19000", "none,keys", "cannot be combined with another mode", nil},
	} {
		cfg := DefaultConfig()
		cfg.Auth.OIDC.Issuer, cfg.Auth.OIDC.ClientID, cfg.Auth.OIDC.Roles = "https://id.example.com", "tapline", []string{"admins=admin"}
		if c.edit != nil {
			c.edit(&cfg.Auth.OIDC)
		}
		cfg.HTTP.Addr, cfg.Auth.Mode = c.addr, c.mode
		err := config.Validate(&cfg)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestTraceURL(t *testing.T) {
	t.Parallel()
	for address, fine := range map[string]bool{
		"": true, "https://jaeger.example.com/trace/{traceId}": true, "http://grafana:3000/explore?trace={traceId}": true,
		"https://jaeger.example.com/trace/": false, "javascript:alert({traceId})": false, "{traceId}": false,
	} {
		cfg := DefaultConfig()
		cfg.TraceURL = address
		if err := config.Validate(&cfg); (err == nil) != fine || err != nil && !strings.Contains(err.Error(), "traceUrl") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

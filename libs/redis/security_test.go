package redis_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"tapline.dev/libs/redis"
	"tapline.dev/libs/tlsconf/tlstest"
)

func TestTLSAndUser(t *testing.T) {
	t.Parallel()
	authority := tlstest.New(t)
	server := miniredis.NewMiniRedis()
	server.RequireUserAuth("loader", "right")
	must(t, server.StartTLS(authority.Server(t)))
	t.Cleanup(server.Close)
	cfg := redis.Default()
	cfg.Addrs, cfg.TLS = []string{server.Addr()}, authority.Client(t)
	cfg.Username, cfg.Password = "loader", "right"
	ping := func(cfg redis.Config) error {
		client, err := redis.Open(cfg, redis.Deps{})
		if err != nil {
			return err
		}
		defer client.Close()
		return client.Ping(t.Context())
	}
	must(t, ping(cfg))
	for name, change := range map[string]func(*redis.Config){
		"a wrong password":  func(c *redis.Config) { c.Password = "wrong-password" },
		"nobody":            func(c *redis.Config) { c.Username, c.Password = "", "" },
		"another authority": func(c *redis.Config) { c.TLS = tlstest.New(t).Client(t) },
		"no certificate":    func(c *redis.Config) { c.TLS.CertFile, c.TLS.KeyFile = "", "" },
		"no authority":      func(c *redis.Config) { c.TLS.CAFile += ".gone" },
	} {
		other := cfg
		change(&other)
		if err := ping(other); err == nil || strings.Contains(err.Error(), "wrong-password") {
			t.Errorf("%s: %v, want a refusal that shows no password", name, err)
		}
	}
}

package harness

import (
	"strings"
	"testing"

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
)

// runningServers are the flags of `tapline dev` that make it use the servers
// that the environment names, under a prefix of the test's own; none without
// such servers.
func runningServers(t testing.TB) []string {
	t.Helper()
	var args []string
	prefix := ""
	if addr := kafkatest.Real(); addr != "" {
		prefix = strings.TrimSuffix(kafkatest.Prefix(t, addr), ".")
		args = append(args, "--kafka", addr)
	}
	if addr := redistest.Real(); addr != "" {
		own := strings.TrimSuffix(redistest.Prefix(t, addr, prefix), ":")
		prefix = own
		args = append(args, "--redis", addr)
	}
	if prefix != "" {
		args = append(args, "--prefix", prefix)
	}
	return args
}

// Redis returns a client of the cluster's Redis.
func (c *Cluster) Redis(t testing.TB) *redis.Client {
	t.Helper()
	cfg := redis.Default()
	cfg.Addrs, cfg.KeyPrefix = []string{c.Endpoints.Redis}, c.Endpoints.RedisPrefix
	client, err := redis.Open(cfg, redis.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// EmptyRedis deletes every key of the cluster, without the services' knowledge.
func (c *Cluster) EmptyRedis(t testing.TB) {
	t.Helper()
	if err := redistest.Empty(t.Context(), c.Redis(t)); err != nil {
		t.Fatal(err)
	}
}

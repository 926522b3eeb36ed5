package embedded_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"tapline.dev/libs/redis/embedded"
)

func startKept(t *testing.T, file string) (*embedded.Server, *redis.Client) {
	t.Helper()
	server, err := embedded.StartKept("", file)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

// TestKeysOutliveACleanEndOnly keeps every type of key, its order and its expiry, and nothing
// after a crash.
func TestKeysOutliveACleanEndOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "redis")
	server, client := startKept(t, file)
	ctx := t.Context()
	for _, cmd := range [][]any{
		{"SET", "text", "a\x00b"}, {"HSET", "hash", "f", "1", "g", "2"}, {"SADD", "set", "x", "y"}, {"RPUSH", "list", "1", "2", "3"},
		{"ZADD", "scores", "1.5", "m", "-2", "n"}, {"SET", "long", "1", "EX", "1000"},
	} {
		if err := client.Do(ctx, cmd...).Err(); err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
	}
	if err := server.Keep(); err != nil {
		t.Fatal(err)
	}
	server, client = startKept(t, file)
	if got := client.Get(ctx, "text").Val(); got != "a\x00b" {
		t.Errorf("text = %q", got)
	}
	if got := client.HGetAll(ctx, "hash").Val(); len(got) != 2 || got["g"] != "2" {
		t.Errorf("hash = %v", got)
	}
	if got := client.LRange(ctx, "list", 0, -1).Val(); len(got) != 3 || got[0] != "1" {
		t.Errorf("list = %v", got)
	}
	if got := client.SCard(ctx, "set").Val(); got != 2 {
		t.Errorf("set has %d members", got)
	}
	if got := client.ZRangeWithScores(ctx, "scores", 0, -1).Val(); len(got) != 2 || got[0].Member != "n" || got[1].Score != 1.5 {
		t.Errorf("scores = %v", got)
	}
	if ttl := client.TTL(ctx, "long").Val(); ttl < 900*time.Second || ttl > 1000*time.Second {
		t.Errorf("the long key ends in %s", ttl)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is still there while the server runs: %v", err)
	}
	server.Close() // as a crash: nothing is written
	server, client = startKept(t, file)
	defer server.Close()
	if n := client.DBSize(ctx).Val(); n != 0 {
		t.Errorf("after a crash %d keys are there", n)
	}
}

func TestADamagedFileIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "redis")
	if err := os.WriteFile(file, []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if server, err := embedded.StartKept("", file); err == nil {
		server.Close()
		t.Error("StartKept() of a damaged file succeeded")
	}
}

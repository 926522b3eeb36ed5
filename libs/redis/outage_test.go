package redis_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
)

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), text)
}

// TestOutagesAreSaid: a Redis that refuses writes, and one that is away, are each said at
// the begin and at the end, however many commands fail; reading does not end a refusal, and
// the readiness check names it.
func TestOutagesAreSaid(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	front := redistest.StartProxy(t, server.Config.Addrs[0])
	cfg, logs := server.Config, &syncBuffer{}
	cfg.Addrs = []string{front.Addr()}
	client, err := redis.Open(cfg, redis.Deps{Log: slog.New(slog.NewTextHandler(logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	set := func() error { return client.Set(t.Context(), "key", []byte("v"), 0) }
	get := func() error { _, _, err := client.Get(t.Context(), "key"); return err }
	expect := func(when string, check bool, counts map[string]int) {
		t.Helper()
		if err := client.Check(t.Context()); (err == nil) != check {
			t.Errorf("%s: Check() = %v", when, err)
		}
		for text, n := range counts {
			if got := logs.count(text); got != n {
				t.Errorf("%s: %d lines say %q, want %d", when, got, text, n)
			}
		}
	}
	if err := set(); err != nil {
		t.Fatal(err)
	}
	expect("before", true, map[string]int{"refuse": 0, "away": 0})
	front.RefuseWrites("OOM command not allowed when used memory > 'maxmemory'.")
	for range 5 {
		if set() == nil {
			t.Fatal("a refused write succeeded")
		}
		if err := get(); err != nil {
			t.Fatal(err)
		}
	}
	expect("while it refuses", false, map[string]int{"Redis answers and refuses to write": 1, "Redis writes again": 0, "away": 0})
	front.RefuseWrites("")
	if err := set(); err != nil {
		t.Fatal(err)
	}
	expect("after", true, map[string]int{"Redis answers and refuses to write": 1, "Redis writes again": 1, "away": 0})

	gone, logs2 := cfg, &syncBuffer{}
	gone.Addrs = []string{"127.0.0.1:1"}
	lost, err := redis.Open(gone, redis.Deps{Log: slog.New(slog.NewTextHandler(logs2, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lost.Close() })
	for range 3 {
		_, _, _ = lost.Get(t.Context(), "key")
	}
	if n := logs2.count("Redis is away"); n != 1 || logs2.count("refuses") != 0 {
		t.Errorf("%d lines say that Redis is away", n)
	}
}

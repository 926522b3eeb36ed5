// Package redistest gives a test a Redis of its own: an embedded server, or a
// part of the one at TAPLINE_TEST_REDIS. It is for tests only.
package redistest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/embedded"
)

// cleanTimeout bounds the deletion of a test's keys.
const cleanTimeout = 10 * time.Second

// Server is a Redis that ends with the test.
type Server struct {
	// Config reaches the server over the network.
	Config redis.Config

	// Flush deletes everything, as a lost Redis would. SetError makes every command
	// fail with the text until it is called with an empty one.
	Flush    func()
	SetError func(text string)
	// FailOver remembers what the server holds, and returns a function that makes it one
	// which took over with that (embedded.Server). It is nil for the running one.
	FailOver func() (takeOver func() error, err error)
}

// Real is the address of the running Redis that tests use, or "".
func Real() string {
	addr, _ := config.LookupEnv("TAPLINE_TEST_REDIS")
	return addr
}

// New starts a server on a free port, or takes a part of the running one.
func New(t testing.TB) *Server {
	t.Helper()
	cfg := redis.Default()
	if addr := Real(); addr != "" {
		p := StartProxy(t, addr)
		cfg.Addrs, cfg.KeyPrefix = []string{p.Addr()}, Prefix(t, addr, "")
		cfg.SlotPrefix = cfg.KeyPrefix
		s := &Server{Config: cfg, SetError: p.SetError}
		s.Flush = func() { s.empty(t, addr) }
		return s
	}
	server, err := embedded.Start("")
	if err != nil {
		t.Fatalf("starting Redis: %v", err)
	}
	t.Cleanup(server.Close)
	cfg.Addrs = []string{server.Addr()}
	return &Server{Config: cfg, Flush: server.Flush, SetError: server.SetError, FailOver: server.FailOver}
}

// empty deletes the keys under the test's prefix.
func (s *Server) empty(t testing.TB, addr string) {
	t.Helper()
	cfg := s.Config
	cfg.Addrs = []string{addr}
	if err := Empty(t.Context(), open(t, cfg, redis.Deps{})); err != nil {
		t.Fatal(err)
	}
}

// Prefix returns a prefix of keys that only this test uses on the Redis at addr,
// made of name if that is given. The keys under the prefix are deleted when the
// test ends.
func Prefix(t testing.TB, addr, name string) string {
	t.Helper()
	if name == "" {
		name = "t" + strings.ToLower(rand.Text()[:10])
	}
	cfg := redis.Default()
	cfg.Addrs, cfg.KeyPrefix = []string{addr}, name+":"
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanTimeout)
		defer cancel()
		client, err := redis.Open(cfg, redis.Deps{})
		if err == nil {
			err = Empty(ctx, client)
			_ = client.Close()
		}
		if err != nil {
			t.Errorf("deleting the test's keys: %v", err)
		}
	})
	return cfg.KeyPrefix
}

// Empty deletes every key under the client's prefix.
func Empty(ctx context.Context, client *redis.Client) error {
	var keys []string
	for key, err := range client.Scan(ctx, "") {
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	return client.Del(ctx, keys...)
}

// Client returns a client of the server that closes with the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	return open(t, s.Config, redis.Deps{})
}

// NewVirtual starts an embedded server without a network, for use in a synctest
// bubble, and returns how to dial it and a client of it. All end with the test of
// the bubble.
func NewVirtual(t testing.TB) (*embedded.Server, *redis.Client) {
	t.Helper()
	server, err := embedded.Start(embedded.None)
	if err != nil {
		t.Fatalf("starting Redis: %v", err)
	}
	t.Cleanup(server.Close)
	return server, open(t, redis.Default(), redis.Deps{Dial: server.Dial})
}

func open(t testing.TB, cfg redis.Config, deps redis.Deps) *redis.Client {
	t.Helper()
	client, err := redis.Open(cfg, deps)
	if err != nil {
		t.Fatalf("opening Redis: %v", err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("closing Redis: %v", err)
		}
	})
	return client
}

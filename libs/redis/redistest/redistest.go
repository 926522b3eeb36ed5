// Package redistest gives a test a Redis of its own. It is for tests only.
package redistest

import (
	"testing"

	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/embedded"
)

// Server is a Redis that ends with the test.
type Server struct {
	*embedded.Server
	// Config reaches the server over the network.
	Config redis.Config
}

// New starts a server on a free port.
func New(t testing.TB) *Server {
	t.Helper()
	server, err := embedded.Start("")
	if err != nil {
		t.Fatalf("starting Redis: %v", err)
	}
	t.Cleanup(server.Close)
	cfg := redis.Default()
	cfg.Addrs = []string{server.Addr()}
	return &Server{Server: server, Config: cfg}
}

// Client returns a client of the server that closes with the test.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	return open(t, s.Config, redis.Deps{})
}

// NewVirtual starts a server without a network, for use in a synctest bubble,
// and returns a client of it. Both end with the test of the bubble.
func NewVirtual(t testing.TB) (*Server, *redis.Client) {
	t.Helper()
	server, err := embedded.Start(embedded.None)
	if err != nil {
		t.Fatalf("starting Redis: %v", err)
	}
	t.Cleanup(server.Close)
	s := &Server{Server: server, Config: redis.Default()}
	return s, open(t, s.Config, redis.Deps{Dial: s.Dial})
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

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/clevertap/account"
	"tapline.dev/sandbox/internal/clevertap/server"
	"tapline.dev/sandbox/internal/pages"
)

const (
	headerTimeout   = 10 * time.Second
	shutdownTimeout = 5 * time.Second
)

// CleverTapConfig describes the sandbox CleverTap and the one account that it simulates.
type CleverTapConfig = account.Config

// DefaultCleverTapConfig is an account with CleverTap's documented limits.
func DefaultCleverTapConfig() CleverTapConfig { return account.DefaultConfig() }

// CleverTap is the sandbox CleverTap: upload and look-up endpoints on one
// port, with inspection and fault switches under /sandbox/v1/.
type CleverTap struct {
	cfg    CleverTapConfig
	log    *slog.Logger
	server *server.Server
	ready  chan struct{}

	mu   sync.Mutex
	addr string
}

// NewCleverTap makes a sandbox CleverTap that serves nothing until Run.
func NewCleverTap(cfg CleverTapConfig, log *slog.Logger) *CleverTap {
	return &CleverTap{
		cfg:    cfg,
		log:    log,
		server: server.New(cfg),
		ready:  make(chan struct{}),
	}
}

// Handler answers all endpoints without a listener of its own.
func (c *CleverTap) Handler() http.Handler { return c.server }

// Ready is closed once the port accepts connections.
func (c *CleverTap) Ready() <-chan struct{} { return c.ready }

// Addr is the address listened on, empty before Ready.
func (c *CleverTap) Addr() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addr
}

// Run serves until ctx ends, then lets requests in flight finish for a short
// while. It may be called once.
func (c *CleverTap) Run(ctx context.Context) (err error) {
	if c.cfg.Journal != "" {
		if err := c.server.Restore(c.cfg.Journal); err != nil {
			return fmt.Errorf("starting the sandbox CleverTap: %w", err)
		}
		defer func() { err = errors.Join(err, c.server.CloseJournal()) }()
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening for the sandbox CleverTap: %w", err)
	}
	c.mu.Lock()
	c.addr = listener.Addr().String()
	c.mu.Unlock()
	server := &http.Server{
		Handler:           pages.Without(c.server),
		ReadHeaderTimeout: headerTimeout,
		ConnState:         c.server.ConnState,
		ErrorLog:          slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	close(c.ready)
	c.log.InfoContext(ctx, "sandbox CleverTap is ready", slog.String("addr", c.Addr()))
	select {
	case err := <-served:
		return fmt.Errorf("serving the sandbox CleverTap: %w", err)
	case <-ctx.Done():
	}
	return c.shutdown(ctx, server)
}

func (c *CleverTap) shutdown(ctx context.Context, server *http.Server) error {
	c.server.Stop()
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if err != nil {
		return fmt.Errorf("stopping the sandbox CleverTap: %w", err)
	}
	return nil
}

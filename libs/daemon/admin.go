package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"syscall"
	"time"
)

const (
	adminReadTimeout = 5 * time.Second
	adminStopTimeout = 2 * time.Second
)

// Admin is the HTTP server for probes, metrics and profiles: /livez, /readyz,
// /metrics and, for this machine only, /debug/build, /debug/log-level and, if they are asked
// for, profiles under /debug/pprof/.
type Admin struct {
	listener net.Listener
	server   *http.Server
}

// Listen opens the address, so that a taken port is known before the service
// starts. The server answers once Run is called.
func Listen(ctx context.Context, cfg AdminConfig, health *Health, metrics http.Handler, level *slog.LevelVar) (*Admin, error) {
	addr := cfg.Addr
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the admin address %s is in use; set admin.addr to a free one: %w", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on the admin address: %w", err)
	}
	if cfg.TLS.CertFile != "" {
		settings, err := cfg.TLS.Load()
		if err != nil {
			return nil, errors.Join(err, listener.Close())
		}
		listener = tls.NewListener(listener, settings)
	}
	server := &http.Server{Handler: WithoutPages(handler(cfg, health, metrics, level)), ReadHeaderTimeout: adminReadTimeout}
	return &Admin{listener: listener, server: server}, nil
}

// Addr is the address in use, with the port that was chosen for port 0.
func (a *Admin) Addr() string { return a.listener.Addr().String() }

// Run serves until ctx is done.
func (a *Admin) Run(ctx context.Context) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), adminStopTimeout)
		defer cancel()
		err := a.server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			// A request for a profile can take minutes; it must not delay the end of the
			// process.
			err = a.server.Close()
		}
		stopped <- err
	})
	err := a.server.Serve(a.listener)
	if stop() { // ctx is not done: serving failed
		return fmt.Errorf("serving the admin address: %w", err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("stopping the admin server: %w", err)
	}
	return nil
}

// Serve listens and serves until ctx is done.
func Serve(ctx context.Context, cfg AdminConfig, health *Health, metrics http.Handler) error {
	admin, err := Listen(ctx, cfg, health, metrics, nil)
	if err != nil {
		return err
	}
	return admin.Run(ctx)
}

func handler(cfg AdminConfig, health *Health, metrics http.Handler, level *slog.LevelVar) http.Handler {
	mux := http.NewServeMux()
	// Alive means that the process can answer; a service that cannot go on
	// ends by itself.
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusOK, "ok\n")
	})
	mux.HandleFunc("GET /readyz", health.serveReady)
	mux.Handle("GET /metrics", metrics)
	// No /debug/pprof/cmdline: a flag may hold a secret.
	if cfg.Profiles {
		mux.HandleFunc("/debug/pprof/", onThisMachine(pprof.Index))
		mux.HandleFunc("/debug/pprof/profile", onThisMachine(pprof.Profile))
		mux.HandleFunc("/debug/pprof/symbol", onThisMachine(pprof.Symbol))
		mux.HandleFunc("/debug/pprof/trace", onThisMachine(pprof.Trace))
	}
	mux.HandleFunc("GET /debug/build", onThisMachine(serveBuild))
	if level != nil {
		mux.HandleFunc("GET /debug/log-level", onThisMachine(func(w http.ResponseWriter, _ *http.Request) {
			writeText(w, http.StatusOK, level.Level().String()+"\n")
		}))
		mux.HandleFunc("PUT /debug/log-level", onThisMachine(func(w http.ResponseWriter, r *http.Request) { setLevel(w, r, level) }))
	}
	return mux
}

// onThisMachine refuses requests from other machines, and those of a page whose host name
// resolves to this address (DNS rebinding): a heap profile holds rows and secrets, and a
// profile costs time.
func onThisMachine(profile http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.RemoteAddr) || !loopback(r.Host) {
			http.NotFound(w, r)
			return
		}
		profile(w, r)
	}
}

func loopback(hostport string) bool {
	host := hostport
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

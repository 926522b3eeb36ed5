//go:build cgo

package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"tapline.dev/libs/daemon"
)

// serve serves a mux, with a /readyz over all services, until ctx is done.
func serve(ctx context.Context, addr string, mux *http.ServeMux, health *daemon.Health) error {
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := health.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening for traces: %w", err)
	}
	server := &http.Server{Handler: daemon.WithoutPages(mux), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // ends Serve below
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving traces: %w", err)
	}
	return nil
}

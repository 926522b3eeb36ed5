package wire

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"tapline.dev/sandbox/internal/snowflake/engine"
)

// Server answers the protocol of Snowflake's drivers.
type Server struct {
	cfg       engine.Config
	log       *slog.Logger
	engine    *engine.Engine
	publicKey *rsa.PublicKey
	faults    *faults

	nextQuery atomic.Int64
	base      context.Context //nolint:containedctx // statements outlive their requests
	stop      context.CancelFunc
	running   sync.WaitGroup

	mu       sync.Mutex
	sessions map[int64]*login
	queries  map[string]*query
	requests map[string]*query // by request id, for retries of the same request
	order    []*query
}

// New returns a server for the engine. The server's Close closes the engine.
func New(ctx context.Context, cfg engine.Config, engine *engine.Engine, log *slog.Logger) (*Server, error) {
	s := &Server{
		cfg: cfg, log: log, engine: engine, faults: &faults{},
		sessions: map[int64]*login{}, queries: map[string]*query{}, requests: map[string]*query{},
	}
	var err error
	if cfg.PublicKey != "" {
		if s.publicKey, err = parsePublicKey(cfg.PublicKey); err != nil {
			return nil, err
		}
	}
	if err := s.restore(); err != nil {
		return nil, err
	}
	s.base, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

// Handler returns the HTTP handler.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /session/v1/login-request", s.logIn)
	mux.HandleFunc("POST /session/token-request", s.renewToken)
	mux.HandleFunc("POST /session/heartbeat", s.withSession(s.heartbeat))
	mux.HandleFunc("POST /session", s.deleteSession)
	mux.HandleFunc("POST /queries/v1/query-request", s.withSession(s.queryRequest))
	mux.HandleFunc("POST /queries/v1/abort-request", s.withSession(s.abortRequest))
	mux.HandleFunc("GET /queries/{id}/result", s.withSession(s.queryResult))
	mux.HandleFunc("GET /monitoring/queries/{id}", s.withSession(s.monitor))
	mux.HandleFunc("POST /telemetry/send", s.withSession(s.telemetry))
	mux.HandleFunc("GET /sandbox/v1/chunks/{id}/{n}", s.serveChunk)
	mux.HandleFunc("GET /sandbox/v1/queries", s.listQueries)
	mux.HandleFunc("GET /{$}", s.showFiles)
	// Another site's page must not fill the sandbox through a visitor's browser.
	mux.Handle("POST /sandbox/v1/tables", http.NewCrossOriginProtection().Handler(http.HandlerFunc(s.makeTable)))
	mux.HandleFunc("GET /sandbox/v1/snowflake/faults", s.getFaults)
	mux.HandleFunc("PUT /sandbox/v1/snowflake/faults", s.putFaults)
	return mux
}

// Close cancels running statements, stores the results and closes the engine.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	s.running.Wait()
	s.mu.Lock()
	sessions := s.sessions
	s.sessions = map[int64]*login{}
	s.mu.Unlock()
	var errs []error
	for _, l := range sessions {
		errs = append(errs, l.session.Close(ctx))
	}
	if err := s.store(); err != nil {
		errs = append(errs, fmt.Errorf("storing results: %w", err))
	}
	return errors.Join(append(errs, s.engine.Close())...)
}

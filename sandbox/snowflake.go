package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/pages"
	"tapline.dev/sandbox/internal/secret"
	"tapline.dev/sandbox/internal/snowflake/engine"
	"tapline.dev/sandbox/internal/snowflake/wire"
)

// SnowflakeConfig describes the sandbox Snowflake and the one account that it simulates.
type SnowflakeConfig = engine.Config

// Secret is a text that is masked wherever a configuration is printed.
type Secret = secret.Text

// DefaultSnowflakeConfig is an account as `tapline dev` starts it.
func DefaultSnowflakeConfig() SnowflakeConfig { return engine.DefaultConfig() }

// Snowflake is the sandbox Snowflake: the drivers' protocol over HTTP in front of DuckDB.
type Snowflake struct {
	cfg    SnowflakeConfig
	log    *slog.Logger
	engine *engine.Engine
	server *wire.Server
	ready  chan struct{}

	mu   sync.Mutex
	addr string
}

// NewSnowflake opens the database; Run serves it. Without Run, Close must be called.
func NewSnowflake(cfg SnowflakeConfig, log *slog.Logger) (*Snowflake, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("sandbox Snowflake: %w", err)
	}
	engine, err := engine.New(context.Background(), cfg)
	if err != nil {
		return nil, fmt.Errorf("starting sandbox Snowflake: %w", err)
	}
	server, err := wire.New(context.Background(), cfg, engine, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting sandbox Snowflake: %w", err), engine.Close())
	}
	return &Snowflake{cfg: cfg, log: log, engine: engine, server: server, ready: make(chan struct{})}, nil
}

// Run serves until ctx ends, then closes the database.
func (s *Snowflake) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening for Snowflake drivers: %w", err)
	}
	s.mu.Lock()
	s.addr = listener.Addr().String()
	s.mu.Unlock()
	server := &http.Server{
		Handler: pages.Without(s.server.Handler()), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			stopped <- server.Close()
			return
		}
		stopped <- nil
	}()
	close(s.ready)
	s.log.InfoContext(ctx, "sandbox Snowflake listens", slog.String("address", s.Addr()))
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving Snowflake drivers: %w", err)
	}
	return <-stopped
}

// Ready is closed when Run accepts connections.
func (s *Snowflake) Ready() <-chan struct{} { return s.ready }

// Addr is the address Run listens on, known once Ready.
func (s *Snowflake) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Exec runs DuckDB SQL in the configured database and schema, to fill tables quickly. The
// types of a table made here are read as Snowflake's: DECIMAL(p,s), VARCHAR, TIMESTAMP_NS, JSON …
func (s *Snowflake) Exec(ctx context.Context, text string) error { return s.engine.Exec(ctx, text) }

// Change runs DuckDB SQL that changes rows only. SQL that creates, drops or alters a table
// needs Exec, after which the catalogue is read again.
func (s *Snowflake) Change(ctx context.Context, text string) error { return s.engine.Change(ctx, text) }

// AlterAccount sets a parameter of the account, which holds for every session that does not
// set it itself; nil unsets it.
func (s *Snowflake) AlterAccount(name string, value any) error {
	return s.engine.AlterAccount(name, value)
}

// Conn is a connection to the DuckDB behind it, for checks by SQL; the caller closes it.
func (s *Snowflake) Conn(ctx context.Context) (*sql.Conn, error) { return s.engine.Conn(ctx) }

// Table is a table of the sandbox with its rows and columns.
type Table = engine.Table

// Tables lists all tables and views.
func (s *Snowflake) Tables(ctx context.Context) ([]Table, error) { return s.engine.Tables(ctx) }

// Load makes a table of a Parquet, CSV or NDJSON file and replaces one of that name. Types
// for some columns may follow the name: SHOP.PUBLIC.ORDERS(ID VARCHAR, PAID NUMBER(10,2)).
func (s *Snowflake) Load(ctx context.Context, table, file string) error {
	return s.engine.Load(ctx, table, file)
}

// Close ends sessions and closes the database; Run does it too.
func (s *Snowflake) Close() error { return s.server.Close(context.Background()) }

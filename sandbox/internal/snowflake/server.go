package snowflake

import (
	"context"
	"crypto/rsa"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/duckdb/duckdb-go/v2"
)

// Server answers the protocol of Snowflake's drivers from DuckDB.
type Server struct {
	cfg        Config
	log        *slog.Logger
	db         *sql.DB
	catalog    *catalog
	publicKey  *rsa.PublicKey
	fixtures   map[string]fixture
	errorRules []errorRule
	functions  *functionTable
	faults     *faults

	nextSession atomic.Int64
	nextQuery   atomic.Int64
	base        context.Context //nolint:containedctx // statements outlive their requests
	stop        context.CancelFunc
	running     sync.WaitGroup

	mu       sync.Mutex
	sessions map[int64]*session
	queries  map[string]*query
	requests map[string]*query // by request id, for retries of the same request
	order    []*query
}

// New opens DuckDB and makes the configured database and schema.
func New(ctx context.Context, cfg Config, log *slog.Logger) (*Server, error) {
	if !arrowBuilt {
		return nil, errors.New("the sandbox Snowflake was built without the tag duckdb_arrow, which DuckDB's Arrow interface needs: " +
			"use make, or export GOFLAGS=\"-buildvcs=false -trimpath -tags=minicore_disabled,duckdb_arrow\"")
	}
	s := &Server{
		cfg: cfg, log: log, errorRules: errorRules(), functions: newFunctionTable(), faults: &faults{},
		sessions: map[int64]*session{}, queries: map[string]*query{}, requests: map[string]*query{},
	}
	s.nextSession.Store(1000)
	var err error
	if cfg.PublicKey != "" {
		if s.publicKey, err = parsePublicKey(cfg.PublicKey); err != nil {
			return nil, err
		}
	}
	if s.fixtures, err = loadFixtures(cfg.FixtureDir); err != nil {
		return nil, fmt.Errorf("loading fixtures: %w", err)
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("opening DuckDB: %w", err)
	}
	s.db = sql.OpenDB(connector)
	s.catalog = newCatalog(s.db)
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	if err := s.restore(); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.base, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

func (s *Server) prepare(ctx context.Context) error {
	for _, setting := range []string{
		"SET GLOBAL default_null_order = 'nulls_last_on_asc_first_on_desc'",
		"SET GLOBAL TimeZone = 'UTC'",
	} {
		if _, err := s.db.ExecContext(ctx, setting); err != nil {
			return fmt.Errorf("setting up DuckDB: %w", err)
		}
	}
	if err := registerFunctions(ctx, s.db); err != nil {
		return err
	}
	if s.cfg.DatabaseFile != "" {
		if err := s.attachExisting(ctx); err != nil {
			return err
		}
	}
	if s.cfg.Database == "" {
		return nil
	}
	if err := s.attach(ctx, fold(s.cfg.Database)); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+sqlName(fold(s.cfg.Database))+"."+sqlName(fold(s.cfg.Schema)))
	if err != nil {
		return fmt.Errorf("creating schema: %w", err)
	}
	return nil
}

// databaseFile is where a database is kept: the configured file for the configured
// database, a file beside it for another.
func (s *Server) databaseFile(name string) string {
	if s.cfg.DatabaseFile == "" || name == fold(s.cfg.Database) {
		return s.cfg.DatabaseFile
	}
	return s.cfg.DatabaseFile + "." + name
}

func (s *Server) attachExisting(ctx context.Context) error {
	files, err := filepath.Glob(s.cfg.DatabaseFile + ".*")
	if err != nil {
		return fmt.Errorf("listing databases: %w", err)
	}
	for _, file := range files {
		name := file[len(s.cfg.DatabaseFile)+1:]
		if name == "wal" || name == "tmp" || filepath.Ext(name) != "" {
			continue
		}
		if err := s.attach(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) attach(ctx context.Context, name string) error {
	path := s.databaseFile(name)
	if path == "" {
		path = ":memory:"
	}
	if _, err := s.db.ExecContext(ctx, "ATTACH IF NOT EXISTS "+sqlString(path)+" AS "+sqlName(name)); err != nil {
		return fmt.Errorf("attaching database: %w", err)
	}
	_, err := s.db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+sqlName(name)+`."PUBLIC"`)
	if err != nil {
		return fmt.Errorf("creating schema: %w", err)
	}
	s.catalog.touch()
	return nil
}

// Handler is the HTTP interface.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /session/v1/login-request", s.login)
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
	mux.HandleFunc("GET /sandbox/v1/snowflake/faults", s.getFaults)
	mux.HandleFunc("PUT /sandbox/v1/snowflake/faults", s.putFaults)
	return mux
}

// Exec runs DuckDB SQL with the configured database and schema as the current ones.
func (s *Server) Exec(ctx context.Context, text string) error {
	defer s.catalog.touch()
	return s.Change(ctx, text)
}

// Change runs DuckDB SQL that leaves the catalogue as it is.
func (s *Server) Change(ctx context.Context, text string) error {
	conn, err := s.current(ctx)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, text)
	if err != nil {
		return errors.Join(fmt.Errorf("running SQL: %w", err), conn.Close())
	}
	return conn.Close()
}

// Conn is a connection to DuckDB in the configured database and schema.
func (s *Server) Conn(ctx context.Context) (*sql.Conn, error) {
	s.catalog.share()
	return s.current(ctx)
}

func (s *Server) current(ctx context.Context) (*sql.Conn, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening connection: %w", err)
	}
	target := "memory.main"
	if s.cfg.Database != "" {
		target = sqlName(fold(s.cfg.Database)) + "." + sqlName(fold(s.cfg.Schema))
	}
	if _, err := conn.ExecContext(ctx, "USE "+target); err != nil {
		return nil, errors.Join(fmt.Errorf("choosing database: %w", err), conn.Close())
	}
	return conn, nil
}

// Close cancels what runs and closes DuckDB.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	s.running.Wait()
	s.mu.Lock()
	sessions := s.sessions
	s.sessions = map[int64]*session{}
	s.mu.Unlock()
	var errs []error
	for _, ses := range sessions {
		errs = append(errs, ses.close(ctx))
	}
	return errors.Join(append(errs, s.store(), s.db.Close())...)
}

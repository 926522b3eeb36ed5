package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/duckdb/duckdb-go/v2"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Engine runs Snowflake's SQL on DuckDB.
type Engine struct {
	cfg         Config
	db          *sql.DB
	catalog     *catalog
	fixtures    map[string]resultset.Fixture
	errorRules  []errorRule
	functions   *rewrite.Functions
	parameters  map[string]parameter
	levelParams *levelParameters

	nextSession atomic.Int64
}

// New opens DuckDB and makes the configured database and schema.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	if !arrowBuilt {
		return nil, errors.New("the sandbox Snowflake was built without the tag duckdb_arrow, which DuckDB's Arrow interface needs: " +
			"use make, or export GOFLAGS=\"-buildvcs=false -trimpath -tags=minicore_disabled,duckdb_arrow\"")
	}
	e := &Engine{cfg: cfg, errorRules: errorRules(), functions: rewrite.NewFunctions(), parameters: parameters(), levelParams: newLevelParameters()}
	e.nextSession.Store(1000)
	var err error
	if e.fixtures, err = resultset.LoadFixtures(cfg.FixtureDir); err != nil {
		return nil, fmt.Errorf("loading fixtures: %w", err)
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("opening DuckDB: %w", err)
	}
	e.db = sql.OpenDB(connector)
	e.catalog = newCatalog(e.db)
	if err := e.prepare(ctx); err != nil {
		return nil, errors.Join(err, e.db.Close())
	}
	return e, nil
}

func (e *Engine) prepare(ctx context.Context) error {
	for _, setting := range []string{
		"SET GLOBAL default_null_order = 'nulls_last_on_asc_first_on_desc'",
		"SET GLOBAL TimeZone = 'UTC'",
	} {
		if _, err := e.db.ExecContext(ctx, setting); err != nil {
			return fmt.Errorf("setting up DuckDB: %w", err)
		}
	}
	if err := registerFunctions(ctx, e.db); err != nil {
		return err
	}
	if e.cfg.DatabaseFile != "" {
		if err := e.attachExisting(ctx); err != nil {
			return err
		}
	}
	if e.cfg.Database == "" {
		return nil
	}
	if err := e.attach(ctx, unquotedUpper(e.cfg.Database)); err != nil {
		return err
	}
	_, err := e.db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+sqltext.Identifier(unquotedUpper(e.cfg.Database))+"."+sqltext.Identifier(unquotedUpper(e.cfg.Schema)))
	if err != nil {
		return fmt.Errorf("creating schema: %w", err)
	}
	return nil
}

// databaseFile returns the file of a database: the configured file for the configured
// database, a file beside it for another.
func (e *Engine) databaseFile(name string) string {
	if e.cfg.DatabaseFile == "" || name == unquotedUpper(e.cfg.Database) {
		return e.cfg.DatabaseFile
	}
	return e.cfg.DatabaseFile + "." + name
}

func (e *Engine) attachExisting(ctx context.Context) error {
	files, err := filepath.Glob(e.cfg.DatabaseFile + ".*")
	if err != nil {
		return fmt.Errorf("listing databases: %w", err)
	}
	for _, file := range files {
		name := file[len(e.cfg.DatabaseFile)+1:]
		if name == "wal" || name == "tmp" || filepath.Ext(name) != "" {
			continue
		}
		if err := e.attach(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) attach(ctx context.Context, name string) error {
	path := e.databaseFile(name)
	if path == "" {
		path = ":memory:"
	}
	if _, err := e.db.ExecContext(ctx, "ATTACH IF NOT EXISTS "+sqltext.Literal(path)+" AS "+sqltext.Identifier(name)); err != nil {
		return fmt.Errorf("attaching database: %w", err)
	}
	_, err := e.db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+sqltext.Identifier(name)+`."PUBLIC"`)
	if err != nil {
		return fmt.Errorf("creating schema: %w", err)
	}
	e.catalog.invalidate()
	return nil
}

// Exec runs DuckDB SQL with the configured database and schema as the current ones. The
// catalogue is read again afterwards.
func (e *Engine) Exec(ctx context.Context, text string) error {
	defer e.catalog.invalidate()
	return e.Change(ctx, text)
}

// Change runs DuckDB SQL that changes rows only. It does not read the catalogue again.
func (e *Engine) Change(ctx context.Context, text string) error {
	conn, err := e.current(ctx)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, text)
	if err != nil {
		return errors.Join(fmt.Errorf("running SQL: %w", err), conn.Close())
	}
	return conn.Close()
}

// Conn returns a connection to DuckDB with the configured database and schema as the
// current ones.
func (e *Engine) Conn(ctx context.Context) (*sql.Conn, error) {
	e.catalog.reloadEachTime()
	return e.current(ctx)
}

func (e *Engine) current(ctx context.Context) (*sql.Conn, error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening connection: %w", err)
	}
	target := "memory.main"
	if e.cfg.Database != "" {
		target = sqltext.Identifier(unquotedUpper(e.cfg.Database)) + "." + sqltext.Identifier(unquotedUpper(e.cfg.Schema))
	}
	if _, err := conn.ExecContext(ctx, "USE "+target); err != nil {
		return nil, errors.Join(fmt.Errorf("choosing database: %w", err), conn.Close())
	}
	return conn, nil
}

// Close closes DuckDB; its sessions must have been closed before.
func (e *Engine) Close() error { return e.db.Close() }

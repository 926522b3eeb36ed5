package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Session is the engine's part of a client's session: its parameters, its current database
// and its own connection to DuckDB.
type Session struct {
	id     int64
	engine *Engine
	user   string
	conn   *sql.Conn

	run sync.Mutex // one statement at a time; guards what is below, too

	role, warehouse, database, schema string
	lastQuery                         string
	inTransaction                     bool
	temporary                         []string // tables to drop at the end
	variables                         map[string]sqltext.Node

	mu     sync.Mutex
	params map[string]any // what the session has set itself
}

// SessionOptions are what a client asks for when it logs in.
type SessionOptions struct {
	User, Role, Warehouse, Database, Schema string
	Params                                  map[string]any
}

// OpenSession opens a session. A database or schema that does not exist is ignored, or
// refused if the client asked for that check.
func (e *Engine) OpenSession(ctx context.Context, in SessionOptions) (*Session, error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening connection: %w", err)
	}
	s := &Session{
		id: e.nextSession.Add(1), engine: e, user: in.User, conn: conn,
		role: "PUBLIC", warehouse: e.cfg.Warehouse, params: map[string]any{}, variables: map[string]sqltext.Node{},
	}
	if err := s.prepare(ctx, in); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

func (s *Session) prepare(ctx context.Context, in SessionOptions) error {
	for name, value := range in.Params {
		if err := s.setParameter(levelSession, name, value); err != nil {
			return err
		}
	}
	if in.Role != "" {
		s.role = strings.ToUpper(in.Role)
	}
	if in.Warehouse != "" {
		s.warehouse = strings.ToUpper(in.Warehouse)
	}
	snap, err := s.engine.catalog.read(ctx)
	if err != nil {
		return err
	}
	database, schema := unquotedUpper(in.Database), unquotedUpper(in.Schema)
	strict := strings.EqualFold(s.Param("CLIENT_VALIDATE_DEFAULT_PARAMETERS"), "true")
	missing := func(kind string) error {
		return sferr.New("390201", "08004", "The requested "+kind+" does not exist or not authorized.")
	}
	if _, ok := snap.databases[database]; database != "" && !ok {
		if strict {
			return missing("database")
		}
		database = ""
	}
	if schema == "" && snap.databases[database]["PUBLIC"] {
		schema = "PUBLIC"
	}
	if database != "" && schema != "" && !snap.databases[database][schema] {
		if strict {
			return missing("schema")
		}
		schema = ""
	}
	if database == "" {
		schema = ""
	}
	return s.use(ctx, database, schema)
}

// ID is the number of the session, as CURRENT_SESSION has it.
func (s *Session) ID() int64 { return s.id }

// User is the name of the user in Snowflake's spelling.
func (s *Session) User() string { return s.user }

// Current returns the session's current objects.
func (s *Session) Current() (database, schema, warehouse, role string) {
	return s.database, s.schema, s.warehouse, s.role
}

// use sets the current database and schema in DuckDB, too.
func (s *Session) use(ctx context.Context, database, schema string) error {
	target := "memory.main"
	if database != "" {
		target = sqltext.Identifier(database)
		if schema != "" {
			target += "." + sqltext.Identifier(schema)
		} else {
			target += ".main"
		}
	}
	if _, err := s.conn.ExecContext(ctx, "USE "+target); err != nil {
		return err
	}
	s.database, s.schema = database, schema
	return nil
}

// unquotedUpper returns a name from a connection parameter as Snowflake reads it: in upper
// case unless it is quoted.
func unquotedUpper(name string) string {
	if len(name) > 1 && strings.HasPrefix(name, `"`) && strings.HasSuffix(name, `"`) {
		return name[1 : len(name)-1]
	}
	return strings.ToUpper(name)
}

// Close rolls an open transaction back and drops the temporary tables.
func (s *Session) Close(ctx context.Context) error {
	s.run.Lock()
	defer s.run.Unlock()
	if s.inTransaction {
		if _, err := s.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			s.inTransaction = false
		}
	}
	for _, name := range s.temporary {
		if _, err := s.conn.ExecContext(ctx, "DROP TABLE IF EXISTS "+name); err != nil {
			return fmt.Errorf("dropping temporary table: %w", err)
		}
	}
	if len(s.temporary) > 0 {
		s.engine.catalog.invalidate()
	}
	return s.conn.Close()
}

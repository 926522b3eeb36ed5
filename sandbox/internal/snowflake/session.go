package snowflake

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// session is a login: its tokens, its parameters and a connection to DuckDB of its own.
type session struct {
	id     int64
	server *Server
	user   string
	conn   *sql.Conn

	run sync.Mutex // one statement at a time; guards what is below, too

	role, warehouse, database, schema string
	lastQuery                         string
	inTransaction                     bool
	temporary                         []string // tables to drop at the end

	mu        sync.Mutex
	params    map[string]any
	token     string
	master    string
	expires   time.Time
	masterEnd time.Time
}

func randomToken() (string, error) {
	b := make([]byte, 48)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("making token: %w", err)
	}
	return "ver:1-hint:1-" + base64.RawURLEncoding.EncodeToString(b), nil
}

func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// defaultParams are the parameters of a new session that the drivers act on. Bulk binds
// through a stage are off: the sandbox has no stages.
func defaultParams() map[string]any {
	return map[string]any{
		"TIMEZONE": "America/Los_Angeles", "AUTOCOMMIT": true, "QUERY_TAG": "",
		"CLIENT_SESSION_KEEP_ALIVE": false, "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600,
		"CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0, "CLIENT_TELEMETRY_ENABLED": false, "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": false,
		"CLIENT_RESULT_CHUNK_SIZE": 160, "CLIENT_PREFETCH_THREADS": 4, "CLIENT_MEMORY_LIMIT": 1536,
		"GO_QUERY_RESULT_FORMAT": "ARROW", "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "ARROW",
		"TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ", "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
		"TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3", "TIMESTAMP_LTZ_OUTPUT_FORMAT": "", "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
		"DATE_OUTPUT_FORMAT": "YYYY-MM-DD", "TIME_OUTPUT_FORMAT": "HH24:MI:SS", "BINARY_OUTPUT_FORMAT": "HEX",
		"TIMESTAMP_INPUT_FORMAT": "AUTO", "DATE_INPUT_FORMAT": "AUTO", "TIME_INPUT_FORMAT": "AUTO",
		"STATEMENT_TIMEOUT_IN_SECONDS": 172800, "MULTI_STATEMENT_COUNT": 1,
	}
}

// set changes a parameter. Formats and modes the sandbox would not obey are refused.
func (s *session) set(name string, value any) error {
	name = strings.ToUpper(name)
	fixed := strings.HasSuffix(name, "_OUTPUT_FORMAT") || strings.HasSuffix(name, "_INPUT_FORMAT") || name == "TIMESTAMP_TYPE_MAPPING" || name == "WEEK_START"
	s.mu.Lock()
	defer s.mu.Unlock()
	if fixed && fmt.Sprint(s.params[name]) != fmt.Sprint(value) {
		return unsupported("session parameter %s with another value", name)
	}
	if name == "TIMEZONE" {
		if _, err := time.LoadLocation(fmt.Sprint(value)); err != nil {
			return &Error{"001073", "22023", fmt.Sprintf("SQL compilation error:\ninvalid value [%v] for parameter 'TIMEZONE'", value)}
		}
	}
	s.params[name] = value
	return nil
}

func (s *session) param(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.params[name])
}

// zone is the session's TIMEZONE.
func (s *session) zone() string { return s.param("TIMEZONE") }

// timeout is the session's STATEMENT_TIMEOUT_IN_SECONDS.
func (s *session) timeout() (limit time.Duration, seconds string) {
	seconds = s.param("STATEMENT_TIMEOUT_IN_SECONDS")
	n, err := strconv.Atoi(seconds)
	if err != nil || n <= 0 {
		n = 172800
	}
	return time.Duration(n) * time.Second, seconds
}

type nameValue struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

func (s *session) paramList() []nameValue {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]nameValue, 0, len(s.params))
	for name, value := range s.params {
		out = append(out, nameValue{name, value})
	}
	return out
}

// use sets the current database and schema in DuckDB, too.
func (s *session) use(ctx context.Context, database, schema string) error {
	target := "memory.main"
	if database != "" {
		target = sqlName(database)
		if schema != "" {
			target += "." + sqlName(schema)
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

// renew gives the session new tokens.
func (s *session) renew() error {
	token, err := randomToken()
	if err != nil {
		return err
	}
	master, err := randomToken()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.master = token, master
	s.expires = time.Now().Add(s.server.cfg.SessionValidity)
	s.masterEnd = time.Now().Add(s.server.cfg.MasterValidity)
	return nil
}

func (s *session) close(ctx context.Context) error {
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
		s.server.catalog.touch()
	}
	return s.conn.Close()
}

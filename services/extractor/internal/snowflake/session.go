// Package snowflake reads query results from Snowflake. It is the only importer
// of the driver and hides it: callers see columns, counts and raw Arrow chunks.
//
// The driver is used below database/sql, through QueryArrowStream, because that
// is the only way to every digit: the driver's own conversions turn NUMBERs
// into floats. Its logger is off, for it prints SQL; its errors are translated
// into sentences that repeat none of it.
package snowflake

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/statement"
)

// Config bounds what a session waits for.
type Config struct {
	// LoginTimeout bounds one sign-in with its repetitions.
	LoginTimeout time.Duration
	// StatementTimeout and QueuedTimeout are Snowflake's own limits for a
	// statement, set for the session.
	StatementTimeout time.Duration
	QueuedTimeout    time.Duration
	// StallTimeout cuts a chunk's download that makes no progress.
	StallTimeout time.Duration
	// ChunkTries is how often a broken chunk is fetched.
	ChunkTries int
	// AllowCustomEndpoints lets connections name a host, port or protocol.
	AllowCustomEndpoints bool
}

// Tag is what Snowflake's query history shows beside each statement.
type Tag struct {
	Import  string `json:"import"`
	Run     string `json:"run"`
	TraceID string `json:"traceId,omitempty"`
}

// arrowConn is the part of the driver's connection that reads raw Arrow.
type arrowConn interface {
	QueryArrowStream(ctx context.Context, query string, args ...driver.NamedValue) (gosnowflake.ArrowStreamLoader, error)
}

// Session is one sign-in. Close ends it.
type Session struct {
	cfg       Config
	conn      driver.Conn
	arrow     arrowConn
	transport *transport
}

// Open signs in. The connection's secrets are resolved already.
func Open(ctx context.Context, cfg Config, conn schemas.SnowflakeConnectionSpec, tag Tag) (*Session, error) {
	keys, err := credentials(conn)
	if err != nil {
		return nil, err
	}
	if !cfg.AllowCustomEndpoints && (conn.Host != "" || conn.Port != 0 || conn.Protocol != "") {
		return nil, &Error{Code: CodeConnection, Permanent: true, Reason: "this deployment does not allow connections with a host, port or protocol of their own"}
	}
	if err := silence(); err != nil {
		return nil, err
	}
	var s *Session
	for _, key := range keys {
		s, err = open(ctx, cfg, conn, key, tag)
		var refused *Error
		if err == nil || !errors.As(err, &refused) || refused.Code != CodeAuth {
			break // only a refused key makes way for the next one
		}
	}
	return s, err
}

func open(ctx context.Context, cfg Config, conn schemas.SnowflakeConnectionSpec, key credential, tag Tag) (*Session, error) {
	transport := newTransport(conn.Protocol == "http")
	dc, err := driverConfig(cfg, conn, key, tag, transport)
	if err != nil {
		return nil, err
	}
	loginCtx, cancel := context.WithTimeout(ctx, cfg.LoginTimeout)
	defer cancel()
	c, err := gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, dc).Connect(loginCtx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, translate("signing in", err)
	}
	arrow, ok := c.(arrowConn)
	if !ok {
		return nil, fmt.Errorf("the driver's connection cannot stream Arrow")
	}
	s := &Session{cfg: cfg, conn: c, arrow: arrow, transport: transport}
	if err := s.dropSecondaryRoles(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// dropSecondaryRoles leaves the session the connection's role alone: a user's
// other roles are in force by default, and may write.
//
// Invariant 10. No login parameter does this. A server that does not know the
// statement has no secondary roles either: Snowflake's own always knows it.
func (s *Session) dropSecondaryRoles(ctx context.Context) error {
	_, err := s.arrow.QueryArrowStream(ctx, "USE SECONDARY ROLES NONE")
	if err == nil {
		return nil
	}
	err = s.translate(ctx, "dropping secondary roles", err)
	if e := new(Error); errors.As(err, &e) && e.Code == CodeQuery && e.Number != 3001 {
		return nil
	}
	return err
}

// silence turns the driver's logger off, and with it the probing of cloud
// metadata addresses at sign-in.
func silence() error {
	logger := gosnowflake.GetLogger()
	logger.SetOutput(io.Discard)
	if err := logger.SetLogLevel("OFF"); err != nil {
		return fmt.Errorf("silencing the driver: %w", err)
	}
	return os.Setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
}

func driverConfig(cfg Config, conn schemas.SnowflakeConnectionSpec, key credential, tag Tag, t *transport) (gosnowflake.Config, error) {
	text, err := json.Marshal(tag)
	if err != nil {
		return gosnowflake.Config{}, fmt.Errorf("writing the query tag: %w", err)
	}
	params := map[string]*string{}
	for name, value := range map[string]string{
		"TIMEZONE":                            "UTC",
		"QUERY_TAG":                           string(text),
		"MULTI_STATEMENT_COUNT":               "1",
		"ABORT_DETACHED_QUERY":                "true",
		"STATEMENT_TIMEOUT_IN_SECONDS":        seconds(cfg.StatementTimeout),
		"STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": seconds(cfg.QueuedTimeout),
		"client_session_keep_alive":           "true",
	} {
		params[name] = &value
	}
	return gosnowflake.Config{
		Account: conn.Account, User: conn.User, Role: conn.Role, Warehouse: conn.Warehouse,
		Database: conn.Database, Schema: conn.Schema,
		Host: conn.Host, Port: conn.Port, Protocol: conn.Protocol,
		Authenticator: key.kind, Password: key.password, Token: key.token, PrivateKey: key.privateKey,
		Params: params, Transporter: t, Application: "Tapline",
		LoginTimeout: cfg.LoginTimeout, DisableTelemetry: true, DisableQueryContextCache: true,
		// A session that ends takes its running statements with it, and the next
		// owner of a run may still want them.
		KeepSessionAlive: true,
	}, nil
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// Clock is Snowflake's own time.
func (s *Session) Clock(ctx context.Context) (time.Time, error) {
	token, err := s.scalar(ctx, `SELECT CURRENT_TIMESTAMP() AS "T"`)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading Snowflake's clock: %w", err)
	}
	t, err := time.Parse(`"`+time.RFC3339Nano+`"`, token)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading Snowflake's clock: the answer is not an instant")
	}
	return t, nil
}

// Cancel ends a statement by its query id, from this session.
func (s *Session) Cancel(ctx context.Context, queryID string) error {
	if !isQueryID(queryID) {
		return fmt.Errorf("cancelling a statement: that is not a query id")
	}
	if _, err := s.scalar(ctx, `SELECT SYSTEM$CANCEL_QUERY('`+queryID+`') AS "R"`); err != nil {
		return fmt.Errorf("cancelling a statement: %w", err)
	}
	return nil
}

// scalar is the JSON token of a result of one value.
func (s *Session) scalar(ctx context.Context, sql string) (string, error) {
	r, err := s.Query(ctx, statement.Statement{SQL: sql}, nil)
	if err != nil {
		return "", err
	}
	if r.Chunks() != 1 || len(r.columns) != 1 {
		return "", fmt.Errorf("the answer is not one value")
	}
	chunk, err := r.Chunk(ctx, 0)
	if err != nil {
		return "", err
	}
	d, err := rowjson.NewDecoder(r.columns, 1)
	if err != nil {
		return "", err
	}
	var token string
	_, err = d.Rows(chunk, func(row *rowjson.Row) (bool, error) {
		token = string(row.Value(0))
		return false, nil
	})
	return token, err
}

// Describe returns the columns that a query would have, without running it.
func (s *Session) Describe(ctx context.Context, sql string) ([]schemas.Column, error) {
	loader, err := s.arrow.QueryArrowStream(gosnowflake.WithDescribeOnly(ctx), sql)
	if err != nil {
		return nil, s.translate(ctx, "describing the query", err)
	}
	return columnsOf(loader), nil
}

// Query runs a statement and returns once its result is complete. When
// Snowflake names the query, which for a long statement is earlier, onID is
// called, if it is not nil. Cancelling ctx aborts the statement, unless Leave
// was called.
func (s *Session) Query(ctx context.Context, stmt statement.Statement, onID func(queryID string)) (*Result, error) {
	var args []driver.NamedValue
	for i, a := range stmt.Args {
		args = append(args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	ids := make(chan string, 1) // the driver sends once, or not at all when it gets no answer
	returned := make(chan struct{})
	known := make(chan string, 1)
	go func() {
		var id string
		select {
		case id = <-ids:
		case <-returned:
			select {
			case id = <-ids:
			default:
			}
		}
		if onID != nil && id != "" {
			onID(id)
		}
		known <- id
	}()
	loader, err := s.arrow.QueryArrowStream(gosnowflake.WithQueryIDChan(ctx, ids), stmt.SQL, args...)
	close(returned)
	queryID := <-known
	if err != nil {
		return nil, s.translate(ctx, "running the query", err)
	}
	return s.result(loader, queryID)
}

// Attach takes up the result of a statement that an earlier session ran.
//
// The driver can fetch a result by id only through an interface that converts
// numbers, so the transport asks for the result in place of the query that the
// driver believes to send; the answers have the same form.
func (s *Session) Attach(ctx context.Context, queryID string) (*Result, error) {
	if !isQueryID(queryID) {
		return nil, &Error{Code: CodeResultLost, Reason: "the query id of the earlier attempt is not one"}
	}
	loader, err := s.arrow.QueryArrowStream(withAttach(ctx, queryID), "SELECT 1")
	if err != nil {
		err := s.translate(ctx, "taking up the result", err)
		if e := new(Error); errors.As(err, &e) && e.Number != 0 && e.Code != CodeUnreachable && e.Code != CodeAuth {
			return nil, &Error{Code: CodeResultLost, Number: e.Number, Reason: "Snowflake no longer has the result of the statement " + queryID}
		}
		return nil, err
	}
	return s.result(loader, queryID)
}

func (s *Session) result(loader gosnowflake.ArrowStreamLoader, queryID string) (*Result, error) {
	batches, err := loader.GetBatches()
	if err != nil {
		return nil, &Error{Code: CodeUnreadable, Reason: "the result's first rows cannot be read"}
	}
	r := &Result{cfg: s.cfg, loader: loader, queryID: queryID, columns: columnsOf(loader), total: loader.TotalRows(), chunks: len(batches)}
	if r.total > 0 && r.chunks == 0 {
		return nil, &Error{Code: CodeUnreadable, Permanent: true, Reason: "Snowflake gives this result in a form other than Arrow; wrap the statement as a SELECT"}
	}
	return r, nil
}

// translate makes a driver's error one of ours, unless ctx ended.
func (s *Session) translate(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return translate(doing, err)
}

func columnsOf(loader gosnowflake.ArrowStreamLoader) []schemas.Column {
	var out []schemas.Column
	for _, t := range loader.RowTypes() {
		out = append(out, schemas.Column{
			Name: t.Name, Type: strings.ToUpper(t.Type),
			Precision: int(t.Precision), Scale: int(t.Scale), Nullable: t.Nullable,
		})
	}
	return out
}

func isQueryID(id string) bool {
	for _, c := range id {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return id != ""
}

// Leave makes the end of this session leave its statements alone: another
// owner takes them up by their query id.
func (s *Session) Leave() { s.transport.keepStatements() }

// Close drops the session's connections. It does not wait for Snowflake.
func (s *Session) Close() {
	s.transport.close()
	// The session is kept at the server and its token expires; the driver's
	// Close only stops its heartbeat.
	_ = s.conn.Close()
}

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
	"sync/atomic"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/schemas"
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
	// ChunkMegabytes bounds a chunk, unpacked.
	ChunkMegabytes int
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
	cfg         Config
	conn        driver.Conn
	arrow       arrowConn
	transport   *transport
	mayStillRun atomic.Bool
	use         use
	second      bool
	tag         string // of descriptions, in place of the session's own; "" for that one
}

// Tag makes Snowflake's query history show another tag beside the descriptions that follow.
// One goroutine uses the session meanwhile.
func (s *Session) Tag(tag Tag) {
	if text, err := json.Marshal(tag); err == nil { // texts always encode
		s.tag = string(text)
	}
}

// tagged is the context of a description.
func (s *Session) tagged(ctx context.Context) context.Context {
	if s.tag == "" {
		return ctx
	}
	return gosnowflake.WithQueryTag(ctx, s.tag)
}

// BySecondKey reports whether the connection's first key was refused.
func (s *Session) BySecondKey() bool { return s.second }

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
	for i, key := range keys {
		s, err = open(ctx, cfg, conn, key, tag)
		if err == nil {
			s.second = i > 0
		}
		var refused *Error
		if err == nil || !errors.As(err, &refused) || refused.Code != CodeAuth {
			break // only a refused key makes way for the next one
		}
	}
	return s, err
}

func open(ctx context.Context, cfg Config, conn schemas.SnowflakeConnectionSpec, key credential, tag Tag) (*Session, error) {
	transport := newTransport(conn)
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
		return nil, transport.explain(translate("signing in", err))
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
	if err := s.checkParameters(ctx); err != nil {
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
	values, err := parameters(cfg, tag)
	if err != nil {
		return gosnowflake.Config{}, err
	}
	params := map[string]*string{}
	for name, value := range values {
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

// KeepStatement makes the end of this session leave its statements running: another
// owner takes them up by their query id.
func (s *Session) KeepStatement() { s.transport.keepStatements() }

// ID is the session's id at Snowflake.
func (s *Session) ID() int64 { return s.transport.session.Load() }

// MayStillRun reports whether a statement whose context ended may still run,
// because the request to abort it did not reach Snowflake.
func (s *Session) MayStillRun() bool { return s.mayStillRun.Load() }

// Close drops the session's connections. It does not wait for Snowflake.
func (s *Session) Close() {
	s.transport.close()
	if s.transport.owned {
		defer s.transport.base.CloseIdleConnections()
	}
	// The session is kept at the server and its token expires; the driver's
	// Close only stops its heartbeat.
	_ = s.conn.Close()
}

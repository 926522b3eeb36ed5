package extractor

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/snowflake"
	"tapline.dev/services/extractor/internal/statement"
)

// source is a signed-in session.
type source interface {
	Clock(ctx context.Context) (time.Time, error)
	Describe(ctx context.Context, sql string) ([]schemas.Column, error)
	// Query returns once the result is complete. Cancelling ctx aborts the
	// statement, unless KeepStatement was called.
	Query(ctx context.Context, stmt statement.Statement, onID func(queryID string)) (result, error)
	Attach(ctx context.Context, queryID string) (result, error)
	Cancel(ctx context.Context, queryID string) error
	// TakeUse returns what the session's statements have taken since the last call.
	TakeUse() schemas.SnowflakeUse
	// Statement is what goes on at Snowflake for the session; nil if nothing does.
	Statement() *schemas.Statement
	// Measure adds to that what a statement of another session has taken.
	Measure(ctx context.Context, queryID string)
	// CancelSession ends what another session runs.
	CancelSession(ctx context.Context, id int64) error
	ID() int64
	// MayStillRun reports whether a statement whose context ended may still run,
	// because the request to abort it did not reach Snowflake.
	MayStillRun() bool
	// SessionFacts returns the session's user and role, and what it may do beyond reading.
	SessionFacts(ctx context.Context) (schemas.ConnectionTest, error)
	// Tables lists databases, schemas, or tables with their columns.
	Tables(ctx context.Context, q schemas.TablesQuery) (schemas.TableList, error)
	KeepStatement()
	// Tag makes Snowflake's query history show another tag beside the descriptions that follow.
	Tag(tag snowflake.Tag)
	Close()
}

// result is a complete result that lies at Snowflake.
type result interface {
	QueryID() string
	Columns() []schemas.Column
	Total() int64
	Chunks() int
	// Chunk is a whole Arrow IPC stream with as many rows as were announced.
	Chunk(ctx context.Context, i int) ([]byte, error)
}

// opener signs in with a connection whose secrets are resolved.
type opener func(ctx context.Context, conn schemas.SnowflakeConnectionSpec, tag snowflake.Tag) (source, error)

func openSnowflake(cfg snowflake.Config, log *slog.Logger) opener {
	return func(ctx context.Context, conn schemas.SnowflakeConnectionSpec, tag snowflake.Tag) (source, error) {
		s, err := snowflake.Open(ctx, cfg, conn, tag)
		if err != nil {
			return nil, err
		}
		if s.BySecondKey() {
			// A rotation is under way, or its new key was never made known.
			log.WarnContext(ctx, "snowflake refuses the connection's privateKey; secondPrivateKey has signed in", slog.String("run", tag.Run))
		}
		return session{s}, nil
	}
}

// session narrows a Snowflake session's results to what is used of them.
type session struct{ *snowflake.Session }

func (s session) Query(ctx context.Context, stmt statement.Statement, onID func(string)) (result, error) {
	r, err := s.Session.Query(ctx, stmt, onID)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s session) Attach(ctx context.Context, queryID string) (result, error) {
	r, err := s.Session.Attach(ctx, queryID)
	if err != nil {
		return nil, err
	}
	return r, nil
}

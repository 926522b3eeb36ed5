package extractor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/snowflake"
)

// cancelGrace is how long the session that runs a statement may take to abort
// it.
const cancelGrace = 2 * time.Second

// sessions opens an attempt's sessions with Snowflake, and cancels what one of
// them could not cancel itself.
type sessions struct {
	open    opener
	metrics *snowflakeMetrics
	// statements makes the spans of statements.
	statements *telemetry.Parts
	resources  *resources
	attempt    attempt.Attempt
	log        *slog.Logger
	idle       *idleSessions // of the process
}

// connection is the attempt's, with its secrets.
func (s *sessions) connection(ctx context.Context) (schemas.SnowflakeConnectionSpec, error) {
	return s.resources.connection(ctx, s.attempt.Run)
}

// with signs in, calls fn, and ends the session. A statement whose end Snowflake
// could not be told is cancelled then, whichever it is: a description and a preview
// cost as well.
func (s *sessions) with(ctx context.Context, conn schemas.SnowflakeConnectionSpec, fn func(src source) error) error {
	src, err := s.signIn(ctx, conn, s.tag(ctx))
	if err != nil {
		return err
	}
	defer s.end(ctx, src)
	return fn(src)
}

// tag is what Snowflake's query history shows beside the attempt's statements.
func (s *sessions) tag(ctx context.Context) snowflake.Tag {
	return snowflake.Tag{Import: s.attempt.Import, Run: s.attempt.Run.Run, TraceID: telemetry.TraceID(ctx)}
}

// end ends a session, and a statement of it that may still run.
func (s *sessions) end(ctx context.Context, src source) {
	defer src.Close()
	if src.MayStillRun() {
		_ = s.cancelElsewhere(ctx, "", src.ID())
	}
}

// cancelElsewhere aborts a statement from a second session, because the one that
// runs it hangs, cannot reach Snowflake, or is to keep the statement.
// Without the statement's id, all that its session runs is aborted, which is no
// more than the statement. A statement that another owner goes on with is left alone.
// The returned error is why ctx ended.
func (s *sessions) cancelElsewhere(ctx context.Context, queryID string, session int64) error {
	cause := context.Cause(ctx)
	if queryID == "" && session == 0 || errors.Is(cause, errOwnerChanged) {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*cancelGrace)
	defer cancel()
	if err := s.cancel(ctx, queryID, session); err != nil {
		s.log.WarnContext(ctx, "the statement could not be cancelled; it ends by its own timeout",
			slog.String("query_id", queryID), slog.Int64("session", session), slog.Any("error", err))
	}
	return cause
}

func (s *sessions) cancel(ctx context.Context, queryID string, session int64) error {
	conn, err := s.connection(ctx)
	if err != nil {
		return err
	}
	second, err := s.signIn(ctx, conn, snowflake.Tag{Import: s.attempt.Import, Run: s.attempt.Run.Run})
	if err != nil {
		return err
	}
	defer second.Close()
	if queryID == "" {
		return second.CancelSession(ctx, session)
	}
	return second.Cancel(ctx, queryID)
}

package extractor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tapline.dev/services/extractor/internal/snowflake"
)

// cancelGrace is how long the session that runs a statement may take to abort
// it.
const cancelGrace = 2 * time.Second

// cancelElsewhere aborts a statement from a second session, because the one that
// runs it hangs, cannot reach Snowflake, or has been told to leave it alone.
// Without the statement's id, all that its session runs is aborted, which is no
// more than the statement. One that another owner goes on with is left.
func (t *term) cancelElsewhere(queryID string, session int64) error {
	cause := context.Cause(t.reading)
	if queryID == "" && session == 0 || errors.Is(cause, errLeft) {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.reading), 2*cancelGrace)
	defer cancel()
	err := t.cancel(ctx, queryID, session)
	if err != nil {
		t.log.WarnContext(ctx, "the statement could not be cancelled; it ends by its own timeout",
			slog.String("query_id", queryID), slog.Int64("session", session), slog.Any("error", err))
	}
	return cause
}

// stopped is why the reading ended. A statement that an earlier session left
// running is cancelled: no session of this term would.
func (t *term) stopped() error {
	if t.history.started == nil || t.history.complete() {
		return context.Cause(t.reading)
	}
	return t.cancelElsewhere(t.history.started.QueryID, 0)
}

func (t *term) cancel(ctx context.Context, queryID string, session int64) error {
	conn, err := t.resources.connection(ctx, t.active)
	if err != nil {
		return err
	}
	second, err := t.open(ctx, conn, snowflake.Tag{Import: t.importName, Run: t.active.Run})
	if err != nil {
		return err
	}
	defer second.Close()
	if queryID == "" {
		return second.CancelSession(ctx, session)
	}
	return second.Cancel(ctx, queryID)
}

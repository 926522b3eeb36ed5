package extractor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/snowflake"
)

// readAll reads to the end. After a transient error (of the network, or of a session
// that expired) it tries again inside the attempt, from the last committed chunk.
func (t *task) readAll(ctx context.Context) error {
	tries := 0
	for {
		if ctx.Err() != nil {
			return t.mode.stopped(ctx)
		}
		before := t.journal.Counts().Chunks
		err := t.mode.read(ctx)
		var refused *snowflake.Error
		if !errors.As(err, &refused) || refused.Permanent || !passing(refused.Code) || ctx.Err() != nil {
			return err
		}
		if t.journal.Counts().Chunks > before {
			tries = 0
		}
		if tries++; tries >= t.cfg.Tries {
			return err
		}
		t.metrics.retries.Add(ctx, 1)
		t.log.WarnContext(ctx, "a request to Snowflake failed and is repeated", slog.String("code", refused.Code), slog.Int("number", refused.Number), slog.Int("try", tries))
		t.reportWaiting(ctx, refused)
		if backoff.Wait(ctx, t.cfg.RetryDelay<<min(tries-1, 8)) != nil {
			return t.mode.stopped(ctx)
		}
	}
}

// passing reports whether an error is transient: a new session may not meet it.
func passing(code string) bool { return code == snowflake.CodeUnreachable }

// reportWaiting reports why nothing is read now. The next report of the extraction ends
// the wait.
func (t *task) reportWaiting(ctx context.Context, refused *snowflake.Error) {
	err := t.journal.Note(ctx, schemas.Report{Kind: schemas.ReportWaiting, Waiting: &schemas.Waiting{
		Stage: schemas.StageExtract, Account: t.attempt.Run.Spec.Source.ConnectionRef,
		Since: time.Now().UTC(), Reason: refused.Reason,
	}})
	if err != nil && ctx.Err() == nil {
		t.log.WarnContext(ctx, "could not report that the run waits for Snowflake", slog.Any("error", err))
	}
}

// startBeating reports at each interval that the attempt is alive, until the returned
// function is called.
func (t *task) startBeating(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.beat(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func (t *task) beat(ctx context.Context) {
	ticker := time.NewTicker(t.cfg.HeartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		written := make(chan error, 1)
		go func() { written <- t.journal.Note(ctx, schemas.Report{Kind: schemas.ReportHeartbeat}) }()
		select {
		case err := <-written:
			if err != nil && ctx.Err() == nil {
				t.log.WarnContext(ctx, "a heartbeat was not written", slog.Any("error", err))
			}
		case <-ctx.Done():
			// If the record may have reached a broker that is unreachable now, its outcome
			// is unknown until the broker is back. An attempt that is given up must not
			// wait for that.
			return
		}
	}
}

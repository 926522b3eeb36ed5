package daemon

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tapline.dev/libs/backoff"
)

// RejoinPause is the time between two memberships where nothing else is set.
const RejoinPause = time.Second

// Membership is what a service holds for as long as it runs: a place in a
// consumer group, with the clients that are opened and closed together with it.
type Membership struct {
	// Hold joins, works, and leaves. It returns when ctx is done, or with the error
	// that ended the membership.
	Hold func(ctx context.Context) error
	Log  *slog.Logger
	// Pause is the time before the next membership; 0 means RejoinPause.
	Pause time.Duration
	// Ended is called with the error when a membership has ended and the service
	// goes on. It updates the readiness gate and the metrics. Nil is not called.
	Ended func(ctx context.Context, err error)
}

// Rejoin holds one membership after another until ctx is done. An error does not
// end the service: otherwise a broker's restart, a fenced producer or a lost
// partition would stop every import that the process works for.
func Rejoin(ctx context.Context, m Membership) {
	pause := m.Pause
	if pause == 0 {
		pause = RejoinPause
	}
	for {
		err := m.Hold(ctx)
		if ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				// The next owner of the partitions continues with the work that is left.
				m.Log.WarnContext(ctx, "membership ended before it was drained", slog.Any("error", err))
			}
			return
		}
		if m.Ended != nil {
			m.Ended(ctx, err)
		}
		m.Log.WarnContext(ctx, "membership ended, joining again", slog.Any("error", err), slog.Duration("pause", pause))
		if backoff.Wait(ctx, pause) != nil {
			return
		}
	}
}

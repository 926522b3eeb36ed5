package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// outageLogEvery is the time between two lines about one outage.
const outageLogEvery = time.Minute

// Outage logs that something is away: a line when that begins, one a minute while it lasts,
// and one when it is over. Safe for concurrent use.
type Outage struct {
	log   *slog.Logger
	texts OutageTexts

	mu       sync.Mutex
	since    time.Time // zero outside of an outage
	said     time.Time
	failures int
	cause    error
}

// OutageTexts are the lines of an outage, such as "Redis is away", "Redis is still away" and
// "Redis is back".
type OutageTexts struct{ Begins, Lasts, Ends string }

// NewOutage returns an outage that has not begun.
func NewOutage(log *slog.Logger, texts OutageTexts) *Outage { return &Outage{log: log, texts: texts} }

// Failed notes that it did not work.
func (o *Outage) Failed(ctx context.Context, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	o.failures++
	o.cause = err
	switch {
	case o.since.IsZero():
		o.since, o.said, o.failures = now, now, 1
		o.log.WarnContext(ctx, o.texts.Begins, slog.Any("error", err)) //nolint:sloglint // a constant of whoever made it
	case now.Sub(o.said) >= outageLogEvery:
		o.said = now
		o.log.WarnContext(ctx, o.texts.Lasts, slog.Time("since", o.since), slog.Int("failures", o.failures), slog.Any("error", err)) //nolint:sloglint // likewise
	}
}

// Worked notes that it works.
func (o *Outage) Worked(ctx context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return
	}
	o.log.InfoContext(ctx, o.texts.Ends, slog.Duration("after", time.Since(o.since).Round(time.Millisecond)), slog.Int("failures", o.failures)) //nolint:sloglint // likewise
	o.since, o.cause = time.Time{}, nil
}

// Err is the newest failure of an outage that goes on, nil outside of one.
func (o *Outage) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cause
}

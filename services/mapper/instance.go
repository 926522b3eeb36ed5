package mapper

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
)

const (
	twinRecheck = 500 * time.Millisecond
	// twinMargin is how much longer than its session the member of a killed process may
	// be listed.
	twinMargin = 5 * time.Second
)

// aloneInName returns once no other mapper has this one's instance name, or the error
// that one has: two of them would fence each other for ever. If this mapper was
// killed before, its old member leaves the group when its session ends. If Kafka does not
// answer, the check is left out: joining the group waits for Kafka anyway.
func (w *worker) aloneInName(ctx context.Context) error {
	for patience := time.Now().Add(w.cfg.Kafka.SessionTimeout + twinMargin); ; {
		twin, found, err := kafka.Twin(ctx, w.cfg.Kafka, w.kafka, Group, w.id)
		if err != nil {
			w.deps.Telemetry.Logger.WarnContext(ctx, "could not check whether another mapper has this instance name", slog.Any("error", err))
			return nil
		}
		if !found {
			return nil
		}
		if time.Now().After(patience) {
			return fmt.Errorf("%w: instance: another mapper, at %s, has the name %q; give each replica one of its own (TAPLINE_INSTANCE), which stays the same over restarts",
				config.ErrInvalid, twin.Host, w.cfg.Instance)
		}
		if backoff.Wait(ctx, twinRecheck) != nil {
			return nil
		}
	}
}

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
// that one has: two of them would fence each other for ever. A former life of this
// mapper, if it was killed, is gone when its session ends. What cannot be found out
// stops nobody: the group needs Kafka anyway, and is joined once it answers.
func (s *Service) aloneInName(ctx context.Context) error {
	for patience := time.Now().Add(s.cfg.Kafka.SessionTimeout + twinMargin); ; {
		twin, found, err := kafka.Twin(ctx, s.cfg.Kafka, s.kafka, Group, s.transactionalID())
		if err != nil {
			s.deps.Telemetry.Logger.WarnContext(ctx, "whether another mapper has this instance name cannot be found out", slog.Any("error", err))
			return nil
		}
		if !found {
			return nil
		}
		if time.Now().After(patience) {
			return fmt.Errorf("%w: instance: another mapper, at %s, has the name %q; give each replica one of its own (TAPLINE_INSTANCE), which stays the same over restarts",
				config.ErrInvalid, twin.Host, s.cfg.Instance)
		}
		if backoff.Wait(ctx, twinRecheck) != nil {
			return nil
		}
	}
}

func (s *Service) transactionalID() string { return "map-" + s.cfg.Instance }

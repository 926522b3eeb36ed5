package loader

import (
	"context"

	"tapline.dev/libs/daemon"
)

// rejoin holds one membership of the group after another: one ends with an error
// of Kafka's that its producer or consumer could not survive.
func (s *Service) rejoin(ctx context.Context) {
	daemon.Rejoin(ctx, daemon.Membership{
		Hold: s.serve, Log: s.deps.Telemetry.Logger,
		Ended: func(ctx context.Context, err error) {
			s.ready(err)
			s.metrics.restarts.Add(ctx, 1)
		},
	})
}

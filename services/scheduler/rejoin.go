package scheduler

import (
	"context"

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/services/scheduler/internal/partition"
)

// rejoin keeps the service a member of its group until ctx ends.
func (s *Service) rejoin(ctx context.Context, deps partition.Deps) {
	daemon.Rejoin(ctx, daemon.Membership{
		Hold: func(ctx context.Context) error {
			return s.own(ctx, &owners{cfg: s.partitionConfig(), deps: deps, running: map[int32]*running{}})
		},
		Log: s.deps.Telemetry.Logger, Pause: s.cfg.TakeoverPause,
		Ended: func(ctx context.Context, _ error) { s.metrics.restarts.Add(ctx, 1) },
	})
}

// own is one membership of the group.
func (s *Service) own(ctx context.Context, owners *owners) error {
	defer owners.stopAll()
	defer s.member(nil)
	group, err := kafka.OpenGroup(s.cfg.Kafka, s.deps.Kafka, kafka.GroupConfig{
		Group: Group, Topics: []string{s.topics.Reports()}, OwnershipOnly: true,
		Assigned: func(_ context.Context, tps []kafka.TP) { owners.start(ctx, tps) },
		Revoked:  func(_ context.Context, tps []kafka.TP) { owners.stop(tps) },
		Lost:     func(_ context.Context, tps []kafka.TP) { owners.lose(tps) },
	})
	if err != nil {
		return err
	}
	// Close calls Revoked, which waits for the last steps, before it leaves.
	defer group.Close()
	owners.contact = group.Contact
	s.member(owners)
	return group.Stay(ctx)
}

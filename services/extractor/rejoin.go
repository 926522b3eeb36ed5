package extractor

import (
	"context"

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
)

// rejoin joins the group again after an error that ended a membership, until ctx
// ends. The work in hand outlives a membership that is renewed in time.
func (s *Service) rejoin(ctx context.Context) {
	owners := newOwners(ctx, s)
	defer owners.close()
	daemon.Rejoin(ctx, daemon.Membership{
		Hold: func(ctx context.Context) error { return s.own(ctx, owners) },
		Log:  s.deps.Telemetry.Logger,
		Ended: func(ctx context.Context, err error) {
			s.ready(err)
			s.metrics.restarts.Add(ctx, 1)
		},
	})
}

// own is one membership of the group.
func (s *Service) own(ctx context.Context, owners *owners) error {
	// Before the first partition comes: a list that is not read suppresses nobody.
	if err := s.suppressed.ReadToEnd(ctx); err != nil {
		return err
	}
	group, err := kafka.OpenGroup(s.cfg.Kafka, s.deps.Kafka, kafka.GroupConfig{
		Group: Group, Topics: []string{s.topics.Triggers()}, OwnershipOnly: true,
		Assigned: func(_ context.Context, tps []kafka.TP) { owners.assign(tps) },
		Revoked:  func(_ context.Context, tps []kafka.TP) { owners.release(tps) },
		Lost:     func(_ context.Context, tps []kafka.TP) { owners.release(tps) },
	})
	if err != nil {
		return err
	}
	// Close calls Revoked, which waits for the transactions in hand.
	defer group.Close()
	s.presence.Hold(group.Contact)
	defer s.presence.End()
	s.ready(nil)
	return group.Stay(ctx)
}

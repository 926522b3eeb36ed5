package mapper

import (
	"context"
	"fmt"
	"sync"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
)

// rejoin joins the group again each time a membership ends, for example because a
// broker restarts or another replica has the same instance name.
func (s *Service) rejoin(ctx context.Context) {
	daemon.Rejoin(ctx, daemon.Membership{
		Hold: s.consume, Log: s.deps.Telemetry.Logger,
		Ended: func(ctx context.Context, err error) {
			s.ready(err)
			s.metrics.restarts.Add(ctx, 1)
		},
	})
}

// consume is one membership of the consumer group.
func (s *Service) consume(ctx context.Context) error {
	// Before the first row comes: a list that is not read suppresses nobody.
	if err := s.suppressed.ReadToEnd(ctx); err != nil {
		return err
	}
	s.imports.Settle(ctx)
	group, err := kafka.OpenGroupTransactor(ctx, s.cfg.Kafka, s.kafka, Group, s.transactionalID())
	if err != nil {
		return err
	}
	defer group.Close()
	s.presence.Hold(group.Contact)
	defer s.presence.End()
	defer s.lag.Join(group)()
	stop := s.imports.Follow(group.AddTopics)
	defer stop()
	over := make(chan struct{})
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer close(over)
	asked, end := context.WithCancel(ctx)
	defer end()
	waiting.Go(func() { s.answerClocks(asked, group.Owned) })
	resting, stopResting := context.WithCancel(ctx)
	defer stopResting()
	waiting.Go(func() { runs.Rest{View: s.runs, Watch: s.lag, ImportOf: s.topics.ImportOf}.Run(resting, group) })
	waiting.Go(func() {
		select {
		case <-group.Joined():
			s.ready(nil)
		case <-over:
		}
	})
	m := newMember(s, group)
	for {
		rows, err := m.poll(ctx)
		if err != nil {
			return fmt.Errorf("polling rows: %w", err)
		}
		if len(rows) == 0 {
			continue
		}
		if err := m.step(ctx, rows); err != nil {
			return err
		}
	}
}

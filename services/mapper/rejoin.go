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
func (w *worker) rejoin(ctx context.Context) {
	daemon.Rejoin(ctx, daemon.Membership{
		Hold: w.consume, Log: w.deps.Telemetry.Logger,
		Ended: func(ctx context.Context, err error) {
			w.ready(err)
			w.metrics.restarts.Add(ctx, 1)
		},
	})
}

// consume is one membership of the consumer group.
func (w *worker) consume(ctx context.Context) error {
	// Before the first row comes: a list that is not read suppresses nobody.
	if err := w.suppressed.ReadToEnd(ctx); err != nil {
		return err
	}
	w.imports.Settle(ctx)
	group, err := kafka.OpenGroupTransactor(ctx, w.cfg.Kafka, w.kafka, Group, w.id)
	if err != nil {
		return err
	}
	defer group.Close()
	w.presence.Hold(group.Contact)
	defer w.presence.End()
	defer w.lag.Join(group)()
	stop := w.imports.Follow(group.AddTopics)
	defer stop()
	over := make(chan struct{})
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer close(over)
	asked, end := context.WithCancel(ctx)
	defer end()
	waiting.Go(func() { w.answerClocks(asked, group.Owned) })
	resting, stopResting := context.WithCancel(ctx)
	defer stopResting()
	waiting.Go(func() { runs.Rest{View: w.runs, Watch: w.lag, ImportOf: w.topics.ImportOf}.Run(resting, group) })
	waiting.Go(func() {
		select {
		case <-group.Joined():
			w.ready(nil)
		case <-over:
		}
	})
	m := newMember(w.Service, group)
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

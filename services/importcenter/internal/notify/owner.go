package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
)

// Run joins the group and sends while it owns the topic, until ctx is done.
func Run(ctx context.Context, cfg Config, deps Deps) error {
	o := &owner{cfg: cfg, deps: deps}
	for ctx.Err() == nil {
		err := o.member(ctx)
		if ctx.Err() != nil {
			break
		}
		deps.Log.WarnContext(ctx, "the sender of notifications joins its group again", slog.Any("error", err))
		if backoff.Wait(ctx, rejoinPause) != nil {
			break
		}
	}
	return nil
}

const rejoinPause = 5 * time.Second

// owner runs one sender while this process owns the topic.
type owner struct {
	cfg  Config
	deps Deps

	mu   sync.Mutex
	stop func()
}

func (o *owner) member(ctx context.Context) error {
	defer o.leave(ctx, nil)
	group, err := kafka.OpenGroup(o.deps.Kafka, o.deps.KafkaDeps, kafka.GroupConfig{
		Group: Group, Topics: []string{o.deps.Topics.Notifications()}, OwnershipOnly: true,
		Assigned: func(_ context.Context, tps []kafka.TP) { o.begin(ctx, tps) },
		Revoked:  o.leave, Lost: o.leave,
	})
	if err != nil {
		return err
	}
	defer group.Close()
	return group.Stay(ctx)
}

func (o *owner) begin(ctx context.Context, tps []kafka.TP) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(tps) == 0 || o.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	o.stop = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			err := newSender(o.cfg, o.deps).run(ctx)
			if ctx.Err() != nil {
				return
			}
			o.deps.Log.WarnContext(ctx, "the sender of notifications takes its topic over again", slog.Any("error", err))
			if backoff.Wait(ctx, rejoinPause) != nil {
				return
			}
		}
	}()
}

func (o *owner) leave(context.Context, []kafka.TP) {
	o.mu.Lock()
	stop := o.stop
	o.stop = nil
	o.mu.Unlock()
	if stop != nil {
		stop()
	}
}

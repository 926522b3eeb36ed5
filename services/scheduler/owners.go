package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/services/scheduler/internal/partition"
)

// owners runs one goroutine for each partition that the group has assigned, for
// the time of one membership.
type owners struct {
	cfg     partition.Config
	deps    partition.Deps
	contact func() time.Time // newest contact with the group; zero before the first

	mu       sync.Mutex
	assigned bool // the group has said what this member owns
	running  map[int32]*running
}

type running struct {
	cancel context.CancelFunc
	done   chan struct{}
	taken  bool // taken over at least once
}

func (o *owners) start(ctx context.Context, tps []kafka.TP) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.assigned = true
	for _, tp := range tps {
		if _, ok := o.running[tp.Partition]; ok {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		r := &running{cancel: cancel, done: make(chan struct{})}
		o.running[tp.Partition] = r
		owner := partition.New(tp.Partition, o.cfg, o.deps)
		go func() {
			defer close(r.done)
			owner.Run(ctx, func() {
				o.deps.Log.InfoContext(ctx, "partition taken over", slog.Int("partition", int(tp.Partition)))
				o.mu.Lock()
				defer o.mu.Unlock()
				r.taken = true
			})
		}()
	}
}

// stop ends owners and waits for their last step.
func (o *owners) stop(tps []kafka.TP) {
	o.mu.Lock()
	var stopping []*running
	for _, tp := range tps {
		if r, ok := o.running[tp.Partition]; ok {
			stopping = append(stopping, r)
			delete(o.running, tp.Partition)
		}
	}
	o.mu.Unlock()
	for _, r := range stopping {
		r.cancel()
	}
	for _, r := range stopping {
		<-r.done
	}
}

func (o *owners) stopAll() {
	o.mu.Lock()
	var tps []kafka.TP
	for p := range o.running {
		tps = append(tps, kafka.TP{Partition: p})
	}
	o.mu.Unlock()
	o.stop(tps)
}

// lose ends owners whose partitions have moved: the membership is not in force.
func (o *owners) lose(tps []kafka.TP) {
	o.mu.Lock()
	o.assigned = false
	o.mu.Unlock()
	o.stop(tps)
}

// ready reports a membership that is not in force, or a partition that is still
// being taken over. A member that owns none is ready: others own them. The group
// answers a join before it assigns, so that an answer alone says nothing.
func (o *owners) ready() error {
	if o.contact().IsZero() {
		return errors.New("joining the scheduler's group")
	}
	if silent := time.Since(o.contact()); silent > o.cfg.Kafka.SessionTimeout {
		return fmt.Errorf("kafka has not answered for %s, longer than the session timeout", silent.Round(time.Second))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.assigned {
		return errors.New("waiting for the group to assign partitions")
	}
	for p, r := range o.running {
		if !r.taken {
			return fmt.Errorf("partition %d is being taken over", p)
		}
	}
	return nil
}

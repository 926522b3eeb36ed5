package kafka

import (
	"context"
	"sync/atomic"
	"time"
)

// confirmed holds the time at which a reader of a topic was last known to have read all
// of it. Safe for concurrent use.
type confirmed struct {
	began   time.Time     // by the monotonic clock
	at      atomic.Int64  // nanoseconds since began
	reading chan struct{} // holds one token: one confirmation at a time
}

func newConfirmed() *confirmed {
	c := &confirmed{began: time.Now(), reading: make(chan struct{}, 1)}
	c.at.Store(int64(-1 << 62))
	c.reading <- struct{}{}
	return c
}

func (c *confirmed) age() time.Duration { return time.Since(c.began) - time.Duration(c.at.Load()) }

// note says that a read that began at the given time has reached the end.
func (c *confirmed) note(start time.Time) {
	at := int64(start.Sub(c.began))
	for {
		before := c.at.Load()
		if before >= at || c.at.CompareAndSwap(before, at) {
			return
		}
	}
}

// confirm reads to the end unless that was done within the given time.
func (c *confirmed) confirm(ctx context.Context, within time.Duration, read func(context.Context) error) error {
	if c.age() < within {
		return nil
	}
	select {
	case <-c.reading:
		defer func() { c.reading <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.age() < within {
		return nil // another caller has done it meanwhile
	}
	return read(ctx)
}

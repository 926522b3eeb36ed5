// Package backoff is the waiting between two tries.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Delay is how long to wait after n earlier waits: exponential from low to high,
// half of it random, so that those who wait for the same thing spread and none
// comes back at once.
func Delay(n int, low, high time.Duration) time.Duration {
	return delay(n, low, high, rand.N[time.Duration])
}

// delay takes the random part from jitter, which returns a duration in [0, d).
func delay(n int, low, high time.Duration, jitter func(d time.Duration) time.Duration) time.Duration {
	d := high
	if n < 20 {
		d = min(high, low<<n)
	}
	return d/2 + jitter(d/2+1)
}

// Wait waits for d, or returns why ctx ended before.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

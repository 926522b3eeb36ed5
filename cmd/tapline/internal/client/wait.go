package client

import (
	"context"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/schemas"
)

// pollEvery is the interval at which Wait reads the run.
const pollEvery = 250 * time.Millisecond

// retryEvery is the interval at which a server is asked again that did not answer.
const retryEvery = time.Second

// Patience is how long a server that does not answer is asked again: longer than it takes
// to restart or replace one.
const Patience = 5 * time.Minute

// Waiter says how a run is waited for.
type Waiter struct {
	// Show is called with the run's newest state.
	Show func(schemas.Run)
	// Silent is called once when the server stops answering, with why, and with nil when
	// it answers again.
	Silent func(error)
	// Enough ends the wait before the run has ended; nil waits for the end.
	Enough func(schemas.Run) bool
}

// Wait reads a run until it is terminal, and returns that. It outlives a restart of the
// server: only if that does not answer for as long as Patience the error of the last
// request is returned.
func (c *Client) Wait(ctx context.Context, id string, w Waiter) (schemas.Run, error) {
	var last schemas.Run
	silent := &Silence{Tell: w.Silent}
	for {
		run, err := c.Run(ctx, id)
		switch {
		case err != nil && !silent.Again(ctx, err):
			return last, err
		case err != nil:
			continue
		}
		silent.Over()
		last = run
		w.Show(run)
		if schemas.Terminal(run.State) || w.Enough != nil && w.Enough(run) {
			return run, nil
		}
		if backoff.Wait(ctx, pollEvery) != nil {
			return run, ctx.Err()
		}
	}
}

// Silence is how long a server has not answered. The zero value is ready.
type Silence struct {
	// Tell is told of the first error, and with nil of the first answer after it.
	Tell  func(error)
	since time.Time
}

// Again waits and reports whether a request that has failed is to be repeated.
func (s *Silence) Again(ctx context.Context, err error) bool {
	if !MayPass(err) || ctx.Err() != nil {
		return false
	}
	if s.since.IsZero() {
		s.since = time.Now()
		if s.Tell != nil {
			s.Tell(err)
		}
	}
	return time.Since(s.since) < Patience && backoff.Wait(ctx, retryEvery) == nil
}

// Over is called when the server has answered.
func (s *Silence) Over() {
	if !s.since.IsZero() && s.Tell != nil {
		s.Tell(nil)
	}
	s.since = time.Time{}
}

package client

import (
	"context"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/schemas"
)

// pollEvery is the interval at which Wait reads the run.
const pollEvery = 250 * time.Millisecond

// Wait calls show with the run's newest state until it is terminal, and returns
// that.
func (c *Client) Wait(ctx context.Context, id string, show func(schemas.Run)) (schemas.Run, error) {
	for {
		run, err := c.Run(ctx, id)
		if err != nil {
			return run, err
		}
		show(run)
		if schemas.Terminal(run.State) {
			return run, nil
		}
		if backoff.Wait(ctx, pollEvery) != nil {
			return run, ctx.Err()
		}
	}
}

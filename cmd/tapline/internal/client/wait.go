package client

import (
	"context"
	"time"

	"tapline.dev/schemas"
)

// pollEvery is how often a run is looked at while somebody waits for it.
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
		if err := pause(ctx, pollEvery); err != nil {
			return run, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

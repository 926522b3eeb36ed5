package catalog

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Run follows the topics until ctx is done.
func (c *Catalog) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{c.imports.Run, c.resources.Run, c.states.Run, c.history.Run} {
		group.Go(func() error { return run(ctx) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("following the control topics: %w", err)
	}
	return nil
}

// ReadToEnd returns once everything that was in the topics at the call is in the
// catalog.
func (c *Catalog) ReadToEnd(ctx context.Context) error {
	for _, read := range []func(context.Context, ...int32) error{c.imports.ReadToEnd, c.resources.ReadToEnd, c.states.ReadToEnd, c.history.ReadToEnd} {
		if err := read(ctx); err != nil {
			return fmt.Errorf("reading the control topics to their end: %w", err)
		}
	}
	return nil
}

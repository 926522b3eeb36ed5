package catalog

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Follower keeps a catalog at the end of its topics.
type Follower struct {
	tables []*kafka.Table
}

// Follow opens the imports, resources and state topics over the catalog.
func Follow(cfg kafka.Config, deps kafka.Deps, topics schemas.Topics, c *Catalog) (*Follower, error) {
	f := &Follower{}
	for _, t := range []struct {
		topic string
		take  func(*kafka.Record)
	}{
		{topics.Imports(), c.TakeImport},
		{topics.Resources(), c.TakeResource},
		{topics.State(), c.TakeState},
	} {
		table, err := kafka.OpenTable(cfg, deps, t.topic, t.take)
		if err != nil {
			return nil, fmt.Errorf("following %s: %w", t.topic, err)
		}
		f.tables = append(f.tables, table)
	}
	return f, nil
}

// Run follows until ctx is done.
func (f *Follower) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range f.tables {
		group.Go(func() error { return t.Run(ctx) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("following the control topics: %w", err)
	}
	return nil
}

// ReadToEnd returns once everything that was in the topics at the call is in the
// catalog.
func (f *Follower) ReadToEnd(ctx context.Context) error {
	for _, t := range f.tables {
		if err := t.ReadToEnd(ctx); err != nil {
			return fmt.Errorf("reading the control topics to their end: %w", err)
		}
	}
	return nil
}

// Package others knows which imports are in a run, also those whose partition
// another scheduler owns. It is for runs that come after others only; nothing
// that must be exact rests on it.
package others

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Config says where the states are.
type Config struct {
	Kafka kafka.Config
	// Pause is waited before the states are followed again after an error.
	Pause time.Duration
}

// Others follows the state topic.
type Others struct {
	cfg  Config
	deps kafka.Deps

	mu    sync.Mutex
	order map[string]order
}

// order is what stands before a run of another import.
type order struct {
	active bool
	asked  time.Time // of the run that waits; zero without one
}

// New follows nothing until Run.
func New(cfg Config, deps kafka.Deps) *Others {
	return &Others{cfg: cfg, deps: deps, order: map[string]order{}}
}

// Run follows the states until ctx ends.
func (o *Others) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := o.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		o.deps.Log.WarnContext(ctx, "the states of other partitions are followed again", slog.Any("error", err))
		select {
		case <-time.After(o.cfg.Pause):
		case <-ctx.Done():
		}
	}
}

func (o *Others) follow(ctx context.Context) error {
	table, err := kafka.OpenTable(o.cfg.Kafka, o.deps, schemas.NewTopics(o.cfg.Kafka.Prefix).State(), o.apply)
	if err != nil {
		return fmt.Errorf("following states: %w", err)
	}
	return table.Run(ctx)
}

func (o *Others) apply(r *kafka.Record) {
	if r.Value == nil {
		// Every trial leaves one: kept, they would add up as long as the process lives.
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.order, string(r.Key))
		return
	}
	var s schemas.State
	// An unreadable state is its owner's to complain of; here it holds up nobody.
	if json.Unmarshal(r.Value, &s) != nil {
		s = schemas.State{}
	}
	next := order{active: s.Active != nil}
	if s.Queued != nil {
		next.asked = s.Queued.Time
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.order[string(r.Key)] = next
}

// Busy tells whether an import is in a run, or has one waiting that was asked
// for before the given instant.
func (o *Others) Busy(importName string, before time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	other := o.order[importName]
	return other.active || (!other.asked.IsZero() && other.asked.Before(before))
}

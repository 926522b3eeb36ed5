// Package others knows which imports are in a run, also those whose partition
// another scheduler owns. It is for runs that come after others only; nothing
// that must be exact rests on it.
package others

import (
	"context"
	"encoding/json"
	"time"

	"tapline.dev/libs/daemon"
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
	cfg    Config
	deps   kafka.Deps
	states *kafka.Table[order]
}

// order is what stands before a run of another import.
type order struct {
	active bool
	asked  time.Time // of the run that waits; zero without one
}

// New follows nothing until Run.
func New(cfg Config, deps kafka.Deps) (*Others, error) {
	states, err := kafka.OpenTable(cfg.Kafka, deps, kafka.TableConfig[order]{
		Topic: schemas.NewTopics(cfg.Kafka.Prefix).State(), Decode: orderOf,
	})
	if err != nil {
		return nil, err
	}
	return &Others{cfg: cfg, deps: deps, states: states}, nil
}

func orderOf(_ string, value []byte) (o order, err error) {
	var s schemas.State
	if err := json.Unmarshal(value, &s); err != nil {
		return o, err
	}
	o.active = s.Active != nil
	if s.Queued != nil {
		o.asked = s.Queued.Time
	}
	return o, nil
}

// Run follows the states until ctx ends.
func (o *Others) Run(ctx context.Context) {
	daemon.Rejoin(ctx, daemon.Membership{Hold: o.states.Run, Log: o.deps.Log, Pause: o.cfg.Pause})
}

// Busy tells whether an import is in a run, or has one waiting that was asked
// for before the given instant. One whose state cannot be read holds nobody up:
// it would do so for as long as nobody repairs it.
func (o *Others) Busy(importName string, before time.Time) bool {
	other, _, _ := o.states.Get(importName)
	return other.active || (!other.asked.IsZero() && other.asked.Before(before))
}

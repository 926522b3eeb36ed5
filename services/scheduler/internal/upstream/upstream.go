// Package upstream follows the imports that others come after (spec.after), also
// those whose control partition another scheduler owns: whether they are in a run,
// and how their newest run ended. Its view may be a moment old, so a run that
// comes after others waits a little before it begins.
package upstream

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

// View follows the state topic.
type View struct {
	cfg    Config
	deps   kafka.Deps
	states *kafka.Table[importStatus]
}

// importStatus is what the state topic says of an import's runs.
type importStatus struct {
	active    bool
	queuedAt  time.Time // when the queued run was asked for; zero without one
	lastEnded *schemas.EndedRun
	held      bool      // the active run waits for a person
	heldUntil time.Time // when its newest wait for a person ended; zero if it never waited
}

// New follows nothing until Run.
func New(cfg Config, deps kafka.Deps) (*View, error) {
	states, err := kafka.OpenTable(cfg.Kafka, deps, kafka.TableConfig[importStatus]{
		Topic: schemas.NewTopics(cfg.Kafka.Prefix).State(), Decode: importStatusOf,
	})
	if err != nil {
		return nil, err
	}
	return &View{cfg: cfg, deps: deps, states: states}, nil
}

func importStatusOf(_ string, value []byte) (s importStatus, err error) {
	var state schemas.State
	if err := json.Unmarshal(value, &state); err != nil {
		return s, err
	}
	s.active, s.lastEnded = state.Active != nil, state.LastEnded
	if a := state.Active; a != nil {
		s.held = a.State == schemas.StateHeld
		if a.HeldUntil != nil {
			s.heldUntil = *a.HeldUntil
		}
	}
	if state.Queued != nil {
		s.queuedAt = state.Queued.Time
	}
	return s, nil
}

// Run follows the states until ctx ends.
func (v *View) Run(ctx context.Context) {
	daemon.Rejoin(ctx, daemon.Membership{Hold: v.states.Run, Log: v.deps.Log, Pause: v.cfg.Pause})
}

// Busy reports whether an import is in a run, or has one waiting that was asked
// for before the given instant. An import whose state cannot be read counts as not
// busy: otherwise the imports that come after it would wait until it is repaired.
func (v *View) Busy(importName string, before time.Time) bool {
	s, _, _ := v.states.Get(importName)
	return s.active || (!s.queuedAt.IsZero() && s.queuedAt.Before(before))
}

// Held reports whether an import's active run waits for a person. If it does not, until
// is when its newest such wait ended, zero if it never waited.
func (v *View) Held(importName string) (held bool, until time.Time) {
	s, _, _ := v.states.Get(importName)
	return s.held, s.heldUntil
}

// Ended is how an import's newest run ended, nil if it has had none or if its
// state is not known.
func (v *View) Ended(importName string) *schemas.EndedRun {
	s, _, _ := v.states.Get(importName)
	return s.lastEnded
}

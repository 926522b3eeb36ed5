// Package runs tells what is to become of a row or a record: it follows the
// state topic and knows, for each import and trial, the active run. Mapper and loader
// share it.
package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Verdict is what to do with the rows of one run and attempt. Exactly one of
// Run, Skip and Unknown is set.
type Verdict struct {
	Run     *schemas.ActiveRun // process them; shared, read only
	Skip    string             // the reason to skip them
	Unknown bool               // no such run was ever started
}

// ErrUnreadable says that a state cannot be read. Only its own import is in
// doubt, until somebody writes a state that can.
var ErrUnreadable = errors.New("the state cannot be read")

// View follows the state topic. Safe for concurrent use.
type View struct {
	table *kafka.Table

	mu     sync.RWMutex
	states map[string]schemas.State
	broken map[string]error // states that could not be read
}

// Open connects lazily; Run follows.
func Open(cfg kafka.Config, deps kafka.Deps) (*View, error) {
	v := &View{states: map[string]schemas.State{}, broken: map[string]error{}}
	table, err := kafka.OpenTable(cfg, deps, schemas.NewTopics(cfg.Prefix).State(), v.apply)
	if err != nil {
		return nil, err
	}
	v.table = table
	return v, nil
}

// Run follows until ctx ends.
func (v *View) Run(ctx context.Context) error { return v.table.Run(ctx) }

func (v *View) apply(r *kafka.Record) {
	name := string(r.Key)
	var state schemas.State
	var err error
	if r.Value != nil {
		err = json.Unmarshal(r.Value, &state)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.broken, name)
	switch {
	case err != nil:
		// Guessing would count rows to the wrong run; whoever asks is told.
		v.broken[name] = fmt.Errorf("import %s: %w: %w", name, ErrUnreadable, err)
	case r.Value == nil:
		delete(v.states, name)
	default:
		v.states[name] = state
	}
}

// Lookup says what to do with the rows of an attempt of a subject's run; a subject
// is an import, or a trial with a state of its own. A run that the view
// does not know makes it read the state topic to its end first: the state that
// names a run is written before its first row.
func (v *View) Lookup(ctx context.Context, subject string, number, attempt int) (Verdict, error) {
	verdict, err := v.look(subject, number, attempt)
	if err != nil || !verdict.Unknown {
		return verdict, err
	}
	if err := v.table.ReadToEnd(ctx); err != nil {
		return Verdict{}, err
	}
	verdict, err = v.look(subject, number, attempt)
	if verdict.Unknown && schemas.IsTrial(subject) {
		// A trial's state is written before its first row and forgotten after its
		// last: one that is not there is over.
		return Verdict{Skip: schemas.SkipClosed}, err
	}
	return verdict, err
}

// Peek answers as Lookup does from what the view holds, without reading: an
// unknown run may only be unknown so far.
func (v *View) Peek(subject string, number, attempt int) (Verdict, error) {
	return v.look(subject, number, attempt)
}

func (v *View) look(subject string, number, attempt int) (Verdict, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if err := v.broken[subject]; err != nil {
		return Verdict{}, err
	}
	state, ok := v.states[subject]
	active := state.Active
	switch {
	case !ok || number > state.LastNumber:
		return Verdict{Unknown: true}, nil
	case active == nil || active.Number != number || attempt < active.Attempt:
		return Verdict{Skip: schemas.SkipClosed}, nil
	case attempt > active.Attempt:
		return Verdict{Unknown: true}, nil
	case active.Ending != nil:
		return Verdict{Skip: active.Ending.Skip}, nil
	}
	return Verdict{Run: active}, nil
}

// Package runs decides what happens to a row or a record: whether it is
// processed or skipped. It follows the state topic and knows the active run of
// each import and trial. Mapper and loader share it.
package runs

import (
	"context"
	"errors"
	"fmt"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Verdict is what to do with the rows of one run and attempt. Exactly one of
// Run, Skip and Unknown is set.
type Verdict struct {
	Run     *schemas.ActiveRun // process them; shared, read only
	Skip    string             // the reason to skip them
	Unknown bool               // no such run was ever started
	// Counts is the active run if the outcomes of the rows count toward it, also when they
	// are skipped; nil if the run is over.
	Counts *schemas.ActiveRun
}

// ErrUnreadable says that a state cannot be read: guessing would count rows to
// the wrong run. Only its own import waits, until the state is written again.
var ErrUnreadable = errors.New("the state cannot be read")

// View follows the state topic. Safe for concurrent use.
type View struct{ states *kafka.Table[schemas.State] }

// Open connects lazily; Run follows.
func Open(cfg kafka.Config, deps kafka.Deps) (*View, error) {
	states, err := kafka.OpenTable(cfg, deps, kafka.TableConfig[schemas.State]{Topic: schemas.NewTopics(cfg.Prefix).State()})
	if err != nil {
		return nil, err
	}
	return &View{states: states}, nil
}

// Run follows until ctx ends.
func (v *View) Run(ctx context.Context) error { return v.states.Run(ctx) }

// Lookup says what to do with the rows of an attempt of a subject's run; a subject
// is an import, or a trial with a state of its own. A run that the view
// does not know makes it read the state topic to its end first: the state that
// names a run is written before its first row.
func (v *View) Lookup(ctx context.Context, subject string, number, attempt int) (Verdict, error) {
	verdict, err := v.look(subject, number, attempt)
	if err != nil || !verdict.Unknown {
		return verdict, err
	}
	// Only the subject's own partition is read to its end: another one may be
	// offline, or an open transaction that nobody ends may hide its records.
	if err := v.states.ReadToEnd(ctx, schemas.ControlPartition(subject)); err != nil {
		return Verdict{}, err
	}
	verdict, err = v.look(subject, number, attempt)
	if verdict.Unknown && schemas.IsTrial(subject) {
		// A trial's state is written before its first row and deleted after its last.
		// If there is no state, the trial is over.
		return Verdict{Skip: schemas.SkipClosed}, err
	}
	return verdict, err
}

// Changed returns a channel that closes at the next record of the state topic.
// Take the channel before you read a value, so that no change in between is missed.
func (v *View) Changed() <-chan struct{} { return v.states.Changed() }

// Starting returns the active runs of imports whose places are being compared.
func (v *View) Starting() (out []schemas.ActiveRun) {
	v.states.Visit(func(_ string, state schemas.State, err error) {
		if a := state.Active; err == nil && a != nil && a.State == schemas.StateStarting && a.Ending == nil {
			out = append(out, *a)
		}
	})
	return out
}

// Asked returns the trials of a mode that wait for an answer.
func (v *View) Asked(mode string) (out []schemas.ActiveRun) {
	v.states.Visit(func(_ string, state schemas.State, err error) {
		if a := state.Active; err == nil && a != nil && a.Mode == mode && a.Ending == nil {
			out = append(out, *a)
		}
	})
	return out
}

// ReadToEnd reads a partition of the state topic to its end.
func (v *View) ReadToEnd(ctx context.Context, partition int32) error {
	return v.states.ReadToEnd(ctx, partition)
}

// ActiveRun returns the import's active run as far as the view has read; nil if there is
// none.
func (v *View) ActiveRun(importName string) (*schemas.ActiveRun, error) {
	state, _, err := v.states.Get(importName)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w: %w", importName, ErrUnreadable, err)
	}
	return state.Active, nil
}

// Active reports whether a run is the active one of its import.
func (v *View) Active(importName, run string) bool {
	state, _, err := v.states.Get(importName)
	return err == nil && state.Active != nil && state.Active.Run == run
}

// Peek answers as Lookup does, but reads nothing: it knows only what the view
// holds. A run that is unknown to Peek may be in records that the view has not
// read yet.
func (v *View) Peek(subject string, number, attempt int) (Verdict, error) {
	return v.look(subject, number, attempt)
}

func (v *View) look(subject string, number, attempt int) (Verdict, error) {
	state, ok, err := v.states.Get(subject)
	if err != nil {
		return Verdict{}, fmt.Errorf("import %s: %w: %w", subject, ErrUnreadable, err)
	}
	active := state.Active
	switch {
	case !ok || number > state.LastNumber:
		return Verdict{Unknown: true}, nil
	case active == nil || active.Number != number:
		return Verdict{Skip: schemas.SkipClosed}, nil
	case attempt < active.Attempt:
		return Verdict{Skip: schemas.SkipClosed, Counts: active}, nil
	case attempt > active.Attempt:
		return Verdict{Unknown: true}, nil
	case active.Ending != nil:
		return Verdict{Skip: active.Ending.Skip, Counts: active}, nil
	}
	return Verdict{Run: active, Counts: active}, nil
}

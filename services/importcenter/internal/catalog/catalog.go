// Package catalog holds what the log says about imports: their definitions, the
// resources they name and the scheduler's state of them, followed live.
package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// maxKeys bounds how many idempotency keys are remembered with their run. Older
// ones are found in the triggers topic.
const maxKeys = 10_000

// Catalog is safe for concurrent use.
type Catalog struct {
	imports   *kafka.Table[record[schemas.Definition]]
	resources *kafka.Table[record[schemas.Resource]]
	states    *kafka.Table[schemas.State]
	history   *kafka.Table[schemas.Generation]

	mu    sync.RWMutex
	kept  map[string]span // of the history, by import
	runs  map[runKey]schemas.ActiveRun
	order []runKey // of runs, oldest first
}

// runKey names the command that became a run.
type runKey struct{ importName, key string }

// Follow opens the imports, resources, state and generations topics. It connects lazily; Run
// follows.
func Follow(cfg kafka.Config, deps kafka.Deps, topics schemas.Topics) (*Catalog, error) {
	c := &Catalog{runs: map[runKey]schemas.ActiveRun{}, kept: map[string]span{}}
	var err error
	if c.imports, err = kafka.OpenTable(cfg, deps, kafka.TableConfig[record[schemas.Definition]]{Topic: topics.Imports(), Decode: decode[schemas.Definition]}); err != nil {
		return nil, err
	}
	if c.resources, err = kafka.OpenTable(cfg, deps, kafka.TableConfig[record[schemas.Resource]]{Topic: topics.Resources(), Decode: decode[schemas.Resource]}); err != nil {
		return nil, err
	}
	if c.states, err = kafka.OpenTable(cfg, deps, kafka.TableConfig[schemas.State]{Topic: topics.State(), Each: c.seen}); err != nil {
		return nil, err
	}
	if c.history, err = openHistory(cfg, deps, topics, c.keep); err != nil {
		return nil, err
	}
	return c, nil
}

// seen remembers which command started a run, so that ResultOf finds the run even
// after the import's state has moved on to a later one.
func (c *Catalog) seen(subject string, state schemas.State) {
	if state.Active == nil || state.Active.Key == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remember(runKey{schemas.ImportOf(subject), state.Active.Key}, *state.Active)
}

func (c *Catalog) remember(key runKey, run schemas.ActiveRun) {
	if _, known := c.runs[key]; !known {
		c.order = append(c.order, key)
	}
	c.runs[key] = run
	if len(c.order) > maxKeys {
		delete(c.runs, c.order[0])
		c.order = c.order[1:]
	}
}

// Import returns an import's definition, and false if there is none or if it cannot
// be decoded: see Broken.
func (c *Catalog) Import(name string) (schemas.Definition, bool) {
	r, ok, _ := c.imports.Get(name)
	return r.value, ok
}

// Broken returns why the definition of an import cannot be decoded, nil if it can
// or if there is none.
func (c *Catalog) Broken(name string) error {
	_, _, err := c.imports.Get(name)
	return err
}

// Imports returns every definition, by name.
func (c *Catalog) Imports() []schemas.Definition {
	var out []schemas.Definition
	for _, r := range c.imports.All() {
		out = append(out, r.value)
	}
	slices.SortFunc(out, func(a, b schemas.Definition) int {
		return strings.Compare(a.Metadata.Name, b.Metadata.Name)
	})
	return out
}

// Resource returns a connection, an account or defaults.
func (c *Catalog) Resource(kind, name string) (schemas.Resource, bool) {
	r, ok, _ := c.resources.Get(schemas.ResourceKey(kind, name))
	return r.value, ok
}

// Acknowledgement is what mutes an import's notifications, or nil.
func (c *Catalog) Acknowledgement(importName string) *schemas.AcknowledgementSpec {
	r, ok := c.Resource(schemas.KindAcknowledgement, importName)
	if !ok {
		return nil
	}
	var spec schemas.AcknowledgementSpec
	if json.Unmarshal(r.Spec, &spec) != nil {
		return nil // it mutes nothing: people are told
	}
	return &spec
}

// Resources returns every resource of a kind, by name.
func (c *Catalog) Resources(kind string) []schemas.Resource {
	var out []schemas.Resource
	for _, r := range c.resources.All() {
		if r.value.Kind == kind {
			out = append(out, r.value)
		}
	}
	slices.SortFunc(out, func(a, b schemas.Resource) int {
		return strings.Compare(a.Metadata.Name, b.Metadata.Name)
	})
	return out
}

// State returns the scheduler's state of an import.
func (c *Catalog) State(name string) (schemas.State, bool) {
	s, ok, _ := c.states.Get(name)
	return s, ok
}

// Changed returns a channel that closes at the next record of the state topic.
// Take the channel before you read a value, so that no change in between is missed.
func (c *Catalog) Changed() <-chan struct{} { return c.states.Changed() }

// ResourcesChanged returns a channel that closes at the next record of the
// resources topic. Take the channel before you read a value, so that no change in between
// is missed.
func (c *Catalog) ResourcesChanged() <-chan struct{} { return c.resources.Changed() }

// CommandResult is what became of a run command.
type CommandResult struct {
	// Run is set once the command has started a run, which may have ended.
	Run *schemas.ActiveRun
	// Queued is set while the command waits behind the active run.
	Queued *schemas.QueuedRun
	// Number is the queued run's number, or else the newest run's.
	Number int
	// Known is set when the scheduler has seen the key, whatever became of it.
	Known bool
	// Refused is why the scheduler has refused the command, "" if it has not.
	Refused string
}

// ResultOf looks for the command with this key in the states seen so far. A command that
// arrived while a run was queued started no run of its own: it joined the queued one.
func (c *Catalog) ResultOf(importName, key string) CommandResult {
	s, _ := c.State(importName)
	c.mu.RLock()
	defer c.mu.RUnlock()
	var a CommandResult
	if run, ok := c.runs[runKey{importName, key}]; ok {
		a.Run, a.Known = &run, true
		return a
	}
	a.Number = s.LastNumber
	a.Known = slices.Contains(s.Keys, key)
	if slices.Contains(s.Refused, key) {
		a.Refused = cmp.Or(s.RefusedBecause[key], schemas.RefusedPaused)
	}
	if s.Queued != nil && a.Refused == "" && (a.Known || s.Queued.Key == key) {
		queued := *s.Queued
		a.Queued, a.Known, a.Number = &queued, true, s.LastNumber+1
	}
	return a
}

// Referring returns the imports that name a resource.
func (c *Catalog) Referring(kind, name string) []string {
	var out []string
	for _, d := range c.Imports() {
		switch {
		case kind == schemas.KindSnowflakeConnection && d.Spec.Source.ConnectionRef == name,
			kind == schemas.KindCleverTapAccount && d.Spec.Destination.AccountRef == name:
			out = append(out, d.Metadata.Name)
		}
	}
	return out
}

// Summary describes the catalog's size for a log line.
func (c *Catalog) Summary() string {
	return fmt.Sprintf("%d imports, %d resources", len(c.imports.Keys()), len(c.resources.Keys()))
}

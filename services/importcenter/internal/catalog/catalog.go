// Package catalog holds what the log says about imports: their definitions, the
// resources they name and the scheduler's state of them, followed live.
package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
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
	log *slog.Logger

	mu        sync.RWMutex
	imports   map[string]schemas.Definition
	resources map[string]schemas.Resource
	states    map[string]schemas.State
	runs      map[runKey]schemas.ActiveRun
	order     []runKey // of runs, oldest first
	changed   chan struct{}
}

// runKey names the command that became a run.
type runKey struct{ importName, key string }

// New returns an empty catalog.
func New(log *slog.Logger) *Catalog {
	return &Catalog{
		log:       log,
		imports:   map[string]schemas.Definition{},
		resources: map[string]schemas.Resource{},
		states:    map[string]schemas.State{},
		runs:      map[runKey]schemas.ActiveRun{},
		changed:   make(chan struct{}),
	}
}

// TakeImport applies a record of the imports topic.
func (c *Catalog) TakeImport(r *kafka.Record) {
	take(c, r, c.imports)
}

// TakeResource applies a record of the resources topic.
func (c *Catalog) TakeResource(r *kafka.Record) {
	take(c, r, c.resources)
}

// TakeState applies a record of the state topic.
func (c *Catalog) TakeState(r *kafka.Record) {
	state, ok := take(c, r, c.states)
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok && state.Active != nil && state.Active.Key != "" {
		c.remember(runKey{schemas.ImportOf(string(r.Key)), state.Active.Key}, *state.Active)
	}
	close(c.changed)
	c.changed = make(chan struct{})
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

// take stores the record's value under its key, or forgets the key at a
// tombstone. A value that is not JSON is a bug of the topic's one writer: it is
// logged with its coordinates and passed over, because stopping would take every
// import down with it.
func take[V any](c *Catalog, r *kafka.Record, into map[string]V) (V, bool) {
	var v V
	if len(r.Value) == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(into, string(r.Key))
		return v, false
	}
	if err := json.Unmarshal(r.Value, &v); err != nil {
		c.log.ErrorContext(context.Background(), "passing over a control record that does not decode",
			slog.String("topic", r.Topic), slog.Int("partition", int(r.Partition)), slog.Int64("offset", r.Offset))
		return v, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	into[string(r.Key)] = v
	return v, true
}

// Import returns an import's definition.
func (c *Catalog) Import(name string) (schemas.Definition, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.imports[name]
	return d, ok
}

// Imports returns every definition, by name.
func (c *Catalog) Imports() []schemas.Definition {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.SortedFunc(maps.Values(c.imports), func(a, b schemas.Definition) int {
		return strings.Compare(a.Metadata.Name, b.Metadata.Name)
	})
}

// Resource returns a connection, an account or defaults.
func (c *Catalog) Resource(kind, name string) (schemas.Resource, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, ok := c.resources[schemas.ResourceKey(kind, name)]
	return r, ok
}

// Resources returns every resource of a kind, by name.
func (c *Catalog) Resources(kind string) []schemas.Resource {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []schemas.Resource
	for _, r := range c.resources {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b schemas.Resource) int {
		return strings.Compare(a.Metadata.Name, b.Metadata.Name)
	})
	return out
}

// State returns the scheduler's state of an import.
func (c *Catalog) State(name string) (schemas.State, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s, ok := c.states[name]
	return s, ok
}

// Changed returns a channel that closes at the next record of the state topic.
// Take it before looking, so that no change falls between.
func (c *Catalog) Changed() <-chan struct{} {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.changed
}

// Answer is what became of a run command.
type Answer struct {
	// Run is set once the command is a run, active or over.
	Run *schemas.ActiveRun
	// Queued is set while the command waits behind the active run.
	Queued *schemas.QueuedRun
	// Number is of the queued run, or else of the newest.
	Number int
	// Known is set when the scheduler has seen the key, whatever became of it.
	Known bool
}

// Answer looks for the command with this key in the states seen so far. A
// command that came while a run was queued has joined that one.
func (c *Catalog) Answer(importName, key string) Answer {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var a Answer
	if run, ok := c.runs[runKey{importName, key}]; ok {
		a.Run, a.Known = &run, true
		return a
	}
	s := c.states[importName]
	a.Number = s.LastNumber
	a.Known = slices.Contains(s.Keys, key)
	if s.Queued != nil && (a.Known || s.Queued.Key == key) {
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
	c.mu.RLock()
	defer c.mu.RUnlock()
	return fmt.Sprintf("%d imports, %d resources", len(c.imports), len(c.resources))
}

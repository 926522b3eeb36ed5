// Package plan decides what a set of documents changes: pure, so that nothing is
// written before everything has been judged.
package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	definitions "tapline.dev/domain/definition"
	"tapline.dev/schemas"
)

// Outcomes of a document.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
	Removed   = "removed"
)

// Current is what is applied now.
type Current interface {
	Import(name string) (schemas.Definition, bool)
	Resource(kind, name string) (schemas.Resource, bool)
	// Next is the generation of an import that is created, and its first one; 0 if it
	// goes on as the import that it is.
	Next(importName string) (generation, first int)
	// Unknown is what a newer version has written into a definition; nil if nothing.
	Unknown(kind, name string) *schemas.Unknown
}

// Set is what is to be applied, already found valid.
type Set struct {
	Imports   []schemas.Definition
	Resources []schemas.Resource
	// ManagedBy is where the set comes from, if it is changed nowhere else.
	ManagedBy *schemas.ManagedBy
	// DropUnknown takes out what a newer version has written.
	DropUnknown bool
}

// Change is what applying one document does, or the removal of what no document names.
// Exactly one of Import and Resource is set; of a removal, to what is removed.
type Change struct {
	Kind       string
	Name       string
	Outcome    string
	Generation int
	Import     *schemas.Definition
	Resource   *schemas.Resource
	// Before is the JSON of what is applied now; nil for something new.
	Before json.RawMessage
	// Missing is what a draft lacks to become real.
	Missing []definitions.Problem
	// Unknown is what a newer version has written into the definition. It stays: whoever
	// changes the definition with this version can neither see nor mean it.
	Unknown *schemas.Unknown
	// Dropped is what a newer version has written and the change takes out, as asked for.
	Dropped *schemas.Unknown
}

// drop takes out what a newer version has written: a change even if all that this version
// knows stays as it is.
func (c *Change) drop() {
	if len(c.Unknown.Paths()) == 0 {
		return
	}
	c.Dropped, c.Unknown = c.Unknown, nil
	if c.Outcome == Unchanged {
		c.Outcome, c.Generation = Updated, c.Generation+1
	}
}

// Record is the record of what the change makes.
func (c Change) Record() (json.RawMessage, error) {
	if c.Import != nil {
		return whole[schemas.Definition](c.Unknown, c.Import)
	}
	return whole[schemas.Resource](c.Unknown, c.Resource)
}

func whole[V any](unknown *schemas.Unknown, value *V) (json.RawMessage, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding a definition: %w", err)
	}
	return schemas.AddTo[V](unknown, raw)
}

// Make returns the changes of a set, resources first. A document that says what
// is already applied is unchanged and keeps its generation.
func Make(set Set, current Current, now time.Time) []Change {
	var changes []Change
	for _, r := range set.Resources {
		before, ok := current.Resource(r.Kind, r.Metadata.Name)
		c := Change{Kind: r.Kind, Name: r.Metadata.Name}
		r.ManagedBy = cmp.Or(set.ManagedBy, before.ManagedBy)
		c.Outcome, c.Generation = judge(ok, before.Generation, resourceBody(before), resourceBody(r))
		if c.Unknown = current.Unknown(c.Kind, c.Name); set.DropUnknown {
			c.drop()
		}
		r.APIVersion, r.Generation, r.AppliedAt = schemas.APIVersion, c.Generation, now
		c.Resource, c.Before = &r, encoded(ok, before)
		changes = append(changes, c)
	}
	for _, d := range set.Imports {
		before, ok := current.Import(d.Metadata.Name)
		c := Change{Kind: schemas.KindImport, Name: d.Metadata.Name}
		d.ManagedBy = cmp.Or(set.ManagedBy, before.ManagedBy)
		c.Outcome, c.Generation = judge(ok, before.Generation, importBody(before), importBody(d))
		d.FirstGeneration = before.FirstGeneration
		if !ok {
			c.Generation, d.FirstGeneration = current.Next(d.Metadata.Name)
		}
		if c.Unknown = current.Unknown(c.Kind, c.Name); set.DropUnknown {
			c.drop()
		}
		if d.FirstGeneration == 1 {
			d.FirstGeneration = 0 // as a record from before
		}
		d.APIVersion, d.Kind, d.Generation, d.AppliedAt = schemas.APIVersion, schemas.KindImport, c.Generation, now
		d.CreatedAt, d.CreatedBy = before.CreatedAt, before.CreatedBy
		c.Import, c.Before = &d, encoded(ok, before)
		changes = append(changes, c)
	}
	return changes
}

// judge compares what a document says with what is applied.
func judge(known bool, generation int, before, after []byte) (outcome string, next int) {
	switch {
	case !known:
		return Created, 1
	case bytes.Equal(before, after):
		return Unchanged, generation
	default:
		return Updated, generation + 1
	}
}

// importBody and resourceBody are what a document says, without what applying
// adds to it.
func importBody(d schemas.Definition) []byte {
	return encoded(true, struct {
		Metadata  schemas.Metadata   `json:"metadata"`
		Spec      schemas.ImportSpec `json:"spec"`
		ManagedBy *schemas.ManagedBy `json:"managedBy,omitempty"`
	}{d.Metadata, d.Spec, d.ManagedBy})
}

func resourceBody(r schemas.Resource) []byte {
	return encoded(true, struct {
		Metadata  schemas.Metadata   `json:"metadata"`
		Spec      any                `json:"spec"`
		ManagedBy *schemas.ManagedBy `json:"managedBy,omitempty"`
	}{r.Metadata, decoded(r.Spec), r.ManagedBy})
}

// decoded makes raw JSON comparable whatever its blanks and key order.
func decoded(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return string(raw)
	}
	return v
}

func encoded(present bool, v any) json.RawMessage {
	if !present {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		// Every value here came out of JSON, so it goes back in.
		panic(fmt.Sprintf("encoding a definition: %v", err))
	}
	return b
}

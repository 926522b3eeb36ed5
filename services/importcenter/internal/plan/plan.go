// Package plan decides what a set of documents changes: pure, so that nothing is
// written before everything has been judged.
package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"tapline.dev/schemas"
)

// Outcomes of a document.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
)

// Current is what is applied now.
type Current interface {
	Import(name string) (schemas.Definition, bool)
	Resource(kind, name string) (schemas.Resource, bool)
}

// Set is what is to be applied, already valid in itself.
type Set struct {
	Imports   []schemas.Definition
	Resources []schemas.Resource
}

// Change is what applying one document does. Exactly one of Import and Resource
// is set.
type Change struct {
	Kind       string
	Name       string
	Outcome    string
	Generation int
	Import     *schemas.Definition
	Resource   *schemas.Resource
	// Before is the JSON of what is applied now; nil for something new.
	Before json.RawMessage
}

// Problem says why a document cannot be applied. Path begins with its kind and
// name.
type Problem struct {
	Path    string
	Code    string
	Message string
}

// Make returns the changes of a set, resources first, or everything that stands
// against it. A document that says what is already applied is unchanged and
// keeps its generation.
func Make(set Set, current Current, now time.Time) ([]Change, []Problem) {
	var problems []Problem
	for _, d := range set.Imports {
		problems = append(problems, references(d, set, current)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	var changes []Change
	for _, r := range set.Resources {
		before, ok := current.Resource(r.Kind, r.Metadata.Name)
		c := Change{Kind: r.Kind, Name: r.Metadata.Name}
		c.Outcome, c.Generation = judge(ok, before.Generation, resourceBody(before), resourceBody(r))
		r.APIVersion, r.Generation, r.AppliedAt = schemas.APIVersion, c.Generation, now
		c.Resource, c.Before = &r, encoded(ok, before)
		changes = append(changes, c)
	}
	for _, d := range set.Imports {
		before, ok := current.Import(d.Metadata.Name)
		c := Change{Kind: schemas.KindImport, Name: d.Metadata.Name}
		c.Outcome, c.Generation = judge(ok, before.Generation, importBody(before), importBody(d))
		d.APIVersion, d.Kind, d.Generation, d.AppliedAt = schemas.APIVersion, schemas.KindImport, c.Generation, now
		c.Import, c.Before = &d, encoded(ok, before)
		changes = append(changes, c)
	}
	return changes, nil
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

// references checks that everything an import names is applied or in the set.
func references(d schemas.Definition, set Set, current Current) []Problem {
	var problems []Problem
	check := func(kind, name, path, what string) {
		if _, ok := current.Resource(kind, name); ok {
			return
		}
		for _, r := range set.Resources {
			if r.Kind == kind && r.Metadata.Name == name {
				return
			}
		}
		problems = append(problems, Problem{
			Path: schemas.ResourceKey(schemas.KindImport, d.Metadata.Name) + ": " + path,
			Code: "unknown_reference",
			Message: fmt.Sprintf("there is no %s named %q; apply one first or in the same set (tapline get %s lists them)",
				kind, name, what),
		})
	}
	check(schemas.KindSnowflakeConnection, d.Spec.Source.ConnectionRef, "spec.source.connectionRef", "connections")
	check(schemas.KindCleverTapAccount, d.Spec.Destination.AccountRef, "spec.destination.accountRef", "accounts")
	for i, name := range d.Spec.After {
		if !hasImport(name, set, current) {
			problems = append(problems, Problem{
				Path:    fmt.Sprintf("%s: spec.after[%d]", schemas.ResourceKey(schemas.KindImport, d.Metadata.Name), i),
				Code:    "unknown_reference",
				Message: fmt.Sprintf("there is no import named %q", name),
			})
		}
	}
	return problems
}

func hasImport(name string, set Set, current Current) bool {
	if _, ok := current.Import(name); ok {
		return true
	}
	for _, d := range set.Imports {
		if d.Metadata.Name == name {
			return true
		}
	}
	return false
}

// importBody and resourceBody are what a document says, without what applying
// adds to it.
func importBody(d schemas.Definition) []byte {
	return encoded(true, struct {
		Metadata schemas.Metadata   `json:"metadata"`
		Spec     schemas.ImportSpec `json:"spec"`
	}{d.Metadata, d.Spec})
}

func resourceBody(r schemas.Resource) []byte {
	return encoded(true, struct {
		Metadata schemas.Metadata `json:"metadata"`
		Spec     any              `json:"spec"`
	}{r.Metadata, decoded(r.Spec)})
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

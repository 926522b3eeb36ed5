package definition

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// CheckReferences reports references of imports to connections, accounts and
// imports that neither the set nor exists knows. Exists may be nil.
func (s *Set) CheckReferences(exists func(kind, name string) bool) []Problem {
	var problems []Problem
	for i := range s.Imports {
		d := &s.Imports[i]
		var f findings
		check := func(path, kind, name string) {
			if name != "" && !s.defines(kind, name) && (exists == nil || !exists(kind, name)) {
				f.add(codeReference, path, "there is no %s %s", kind, name)
			}
		}
		check("spec.source.connectionRef", schemas.KindSnowflakeConnection, d.Spec.Source.ConnectionRef)
		check("spec.destination.accountRef", schemas.KindCleverTapAccount, d.Spec.Destination.AccountRef)
		for n, other := range d.Spec.After {
			check(indexed("spec.after", n), schemas.KindImport, other)
		}
		if circle := s.circle(d.Metadata.Name); circle != nil {
			f.add(codeConflict, "spec.after", "the imports wait for each other: %s", strings.Join(circle, " after "))
		}
		problems = append(problems, s.settle(d, s.Locate(schemas.KindImport, d.Metadata.Name, f))...)
	}
	return problems
}

// CheckMappings reports what is wrong in the imports' mappings, as far as it
// shows without their queries' columns. Options says what an account allows.
func (s *Set) CheckMappings(options func(account string) mapping.Options) []Problem {
	return new(MappingCheck).Check(context.Background(), s, options)
}

// MappingCheck checks the mappings of one request's imports once, however often
// the request is judged. The zero value is ready for use; it is not safe for
// concurrent use.
type MappingCheck struct {
	found map[[sha256.Size]byte][]mapping.Problem
	done  bool
}

// Done stops the compiling: from now on Check refuses each mapping that it has
// not compiled yet. A caller that holds others up while it is in a transaction
// calls Check first and Done before the transaction.
func (c *MappingCheck) Done() { c.done = true }

// Check does what Set.CheckMappings does. It refuses mappings that are not
// compiled when ctx ends.
func (c *MappingCheck) Check(ctx context.Context, s *Set, options func(account string) mapping.Options) []Problem {
	var problems []Problem
	for i := range s.Imports {
		d := &s.Imports[i]
		var f findings
		for _, p := range c.compile(ctx, d.Spec, options(d.Spec.Destination.AccountRef)) {
			f.add(p.Code, p.Path, "%s", p.Message)
		}
		problems = append(problems, s.settle(d, s.Locate(schemas.KindImport, d.Metadata.Name, f))...)
	}
	return problems
}

func (c *MappingCheck) compile(ctx context.Context, spec schemas.ImportSpec, options mapping.Options) []mapping.Problem {
	text, err := json.Marshal(struct {
		Spec    schemas.ImportSpec
		Options mapping.Options
	}{spec, options})
	if err != nil {
		return []mapping.Problem{{Code: codeValueInvalid, Path: "spec", Message: err.Error()}}
	}
	key := sha256.Sum256(text)
	found, known := c.found[key]
	switch {
	case known:
		return found
	case c.done:
		return []mapping.Problem{{Code: codeConflict, Path: "spec.mapping", Message: "the defaults or the account of this import were changed while it was checked; apply again"}}
	}
	_, found = mapping.CompileContext(ctx, spec, nil, options)
	if ctx.Err() == nil {
		if c.found == nil {
			c.found = map[[sha256.Size]byte][]mapping.Problem{}
		}
		c.found[key] = found
	}
	return found
}

func (s *Set) defines(kind, name string) bool {
	_, ok := s.where[schemas.ResourceKey(kind, name)]
	return ok
}

// Locate gives problems of a definition of the set their file, line and column;
// those of mapping.Compile at apply too. It drops problems of parts that could
// not be read, which were reported before.
func (s *Set) Locate(kind, name string, problems []Problem) []Problem {
	key := schemas.ResourceKey(kind, name)
	return s.where[key].locate(s.bad[key].filter(problems))
}

// circle returns a chain of after references from an import back to itself, or
// nil if there is none.
func (s *Set) circle(from string) []string {
	visited := map[string]bool{}
	var walk func(name string, path []string) []string
	walk = func(name string, path []string) []string {
		at := slices.IndexFunc(s.Imports, func(d schemas.Definition) bool { return d.Metadata.Name == name })
		if at < 0 || visited[name] {
			return nil
		}
		visited[name] = true
		for _, next := range s.Imports[at].Spec.After {
			if next == from && len(path) > 0 {
				return append(slices.Clone(path), next)
			}
			if found := walk(next, append(slices.Clone(path), next)); found != nil {
				return found
			}
		}
		return nil
	}
	return walk(from, []string{from})
}

package definition

import (
	"slices"
	"strings"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// CheckReferences reports what the imports name and neither the set nor exists
// knows: connections, accounts, imports to wait for. Exists may be nil.
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
		problems = append(problems, s.Locate(schemas.KindImport, d.Metadata.Name, f)...)
	}
	return problems
}

// CheckMappings reports what is wrong in the imports' mappings, as far as it
// shows without their queries' columns. Options says what an account allows.
func (s *Set) CheckMappings(options func(account string) mapping.Options) []Problem {
	var problems []Problem
	for i := range s.Imports {
		d := &s.Imports[i]
		_, found := mapping.Compile(d.Spec, nil, options(d.Spec.Destination.AccountRef))
		var f findings
		for _, p := range found {
			f.add(p.Code, p.Path, "%s", p.Message)
		}
		problems = append(problems, s.Locate(schemas.KindImport, d.Metadata.Name, f)...)
	}
	return problems
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

// circle is a chain of after from an import back to itself, nil if there is none.
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

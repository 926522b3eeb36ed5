package definition

import (
	"slices"

	"tapline.dev/schemas"
)

// Missing lists what a draft of the set lacks before it can be applied without
// spec.draft; nil for every other import. It is complete once CheckReferences and
// MappingCheck.Check have been called.
func (s *Set) Missing(name string) []Problem { return s.missing[name] }

// settle returns the problems for which an import of the set is refused. Of a draft,
// which is kept as it is, these are only the ones that Tapline could not store or
// name; the others become what it lacks.
func (s *Set) settle(d *schemas.Definition, problems []Problem) []Problem {
	if !d.Spec.Draft {
		return problems
	}
	var refused []Problem
	for _, p := range problems {
		switch {
		case slices.Contains([]string{"apiVersion", "kind", "metadata.name", "spec"}, p.Path):
			refused = append(refused, p)
		case !slices.Contains(s.missing[d.Metadata.Name], p):
			s.missing[d.Metadata.Name] = append(s.missing[d.Metadata.Name], p)
		}
	}
	return refused
}

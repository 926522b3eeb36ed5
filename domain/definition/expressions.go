package definition

import (
	"fmt"
	"slices"

	"tapline.dev/schemas"
)

// SettleExpressions decides what the imports' expressions mean: a NUMBER is an
// exact decimal, but an import that was applied before that was so keeps what its
// expressions meant while none of them changes. Applied finds what is applied
// now; nil means that nothing is.
//
// No value may change because a file is applied again, or because only a
// schedule in it was edited.
func (s *Set) SettleExpressions(applied func(name string) (schemas.Definition, bool)) {
	for i := range s.Imports {
		d := &s.Imports[i]
		if d.Spec.Expressions != "" || len(expressions(d.Spec)) == 0 {
			continue
		}
		if applied != nil {
			before, known := applied(d.Metadata.Name)
			if known && before.Spec.Expressions == "" && slices.Equal(expressions(before.Spec), expressions(d.Spec)) {
				continue
			}
		}
		d.Spec.Expressions = schemas.ExpressionsExact
	}
}

// FormerExpressions says of a settled import that its expressions mean what they
// meant before numbers were exact, and what to write; it is empty if they are
// exact or there are none.
func FormerExpressions(d schemas.Definition) string {
	n := len(expressions(d.Spec))
	if n == 0 || d.Spec.Expressions == schemas.ExpressionsExact {
		return ""
	}
	return fmt.Sprintf("the expressions (%d) of %s mean what they meant when they were applied: a NUMBER of more than 15 digits or with decimals is a text to them; write spec.expressions: exact to compute with exact numbers", n, d.Metadata.Name)
}

func expressions(s schemas.ImportSpec) []string {
	var all []string
	for i := range s.Mapping {
		if s.Mapping[i].Expr != "" {
			all = append(all, s.Mapping[i].Expr)
		}
	}
	return all
}

package definition

import (
	"fmt"
	"slices"

	"tapline.dev/schemas"
)

// SettleExpressions decides what the imports' expressions mean by setting
// spec.expressions. In a new import a NUMBER is an exact decimal. An import that
// was applied before that rule existed keeps the former meaning until one of its
// expressions changes: no value may change only because a file is applied again
// or because a schedule in it was edited.
//
// Applied returns the definition of an import that is applied now; nil means
// that no import is applied.
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

// FormerExpressions returns a message about an import whose expressions keep the
// former meaning of NUMBER (see SettleExpressions), with what to write to change
// that. The message is empty if the expressions are exact or if there are none.
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

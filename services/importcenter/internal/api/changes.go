package api

import (
	"context"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

// mayChange refuses changes that the caller may not make. Connections and
// accounts are the admin's: they say which secrets go to which hosts, and whoever
// writes SQL must not thereby choose either. What does not change is nobody's
// change, so that a set that holds unchanged ones may be applied.
func (h *handlers) mayChange(ctx context.Context, changes []plan.Change) *Problem {
	caller := access.CallerOf(ctx)
	for _, c := range changes {
		switch {
		case c.Import != nil:
			// As it is, and as it would be: a label must not bring an import into reach.
			if !caller.Reaches(c.Import.Metadata) || !h.reaches(ctx, c.Name) && h.applied(schemas.KindImport, c.Name) {
				return outside(c.Name)
			}
		case c.Outcome == plan.Unchanged:
		case caller.Selector != nil:
			return needsWhole()
		case c.Kind != schemas.KindImportDefaults && !caller.May(access.Admin):
			return needsRole(access.Admin, caller)
		}
	}
	return nil
}

package api

import (
	"context"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

// mayChange refuses changes that the caller may not make. Only an admin may change
// connections and accounts: they say which secrets go to which hosts, and a person
// who writes SQL must be able to choose neither. Unchanged documents need no right,
// so that a set which contains some may be applied.
func (h *handlers) mayChange(ctx context.Context, changes []plan.Change) *Problem {
	caller := access.CallerOf(ctx)
	for _, c := range changes {
		switch {
		case c.Import != nil:
			// The caller must reach the import with its applied labels and with its
			// new ones: otherwise setting a label would give access to it.
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

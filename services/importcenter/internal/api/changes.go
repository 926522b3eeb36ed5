package api

import (
	"context"
	"slices"

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
			if refusal := h.mayWaitFor(ctx, c); refusal != nil {
				return refusal
			}
			if deletion, _ := h.route("delete-import"); c.Outcome == plan.Removed && !caller.May(deletion.Role) {
				return h.needsRole(deletion.Role, caller)
			}
		case c.Outcome == plan.Unchanged:
		case caller.Selector != nil:
			return needsWhole()
		case c.Kind != schemas.KindImportDefaults && !caller.May(access.Admin):
			return h.needsRole(access.Admin, caller)
		}
	}
	return nil
}

// mayWaitFor refuses an import that begins to wait for one outside of the caller's
// selector: that would keep the other one from being deleted.
func (h *handlers) mayWaitFor(ctx context.Context, c plan.Change) *Problem {
	before, _ := h.Catalog.Import(c.Name)
	for _, name := range c.Import.Spec.After {
		if !slices.Contains(before.Spec.After, name) && !h.reaches(ctx, name) {
			return outside(name)
		}
	}
	return nil
}

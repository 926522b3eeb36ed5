package api

import (
	"context"
	"errors"
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
			if !h.reachesChange(ctx, c) {
				return outside(c.Name)
			}
			if refusal := h.mayWaitFor(ctx, c); refusal != nil {
				return refusal
			}
			if refusal := h.maySucceed(ctx, c); refusal != nil {
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

// reachesChange reports whether the caller's selector includes the import of a change with
// its applied labels and with its new ones: otherwise setting a label would give access to
// it.
func (h *handlers) reachesChange(ctx context.Context, c plan.Change) bool {
	return access.CallerOf(ctx).Reaches(c.Import.Metadata) && (h.reaches(ctx, c.Name) || !h.applied(schemas.KindImport, c.Name))
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

// maySucceed refuses a new import under the name of a deleted one that the caller's
// selector excludes: runs, rejects, rows and generations are kept under the name, so that
// whoever makes the new import would read those of the former one.
func (h *handlers) maySucceed(ctx context.Context, c plan.Change) *Problem {
	caller := access.CallerOf(ctx)
	if caller.Selector == nil || c.Outcome != plan.Created || h.reaches(ctx, c.Name) {
		return nil // a selector that chooses by the name alone includes the former import
	}
	kept := h.Catalog.Generations(c.Name)
	at := slices.IndexFunc(kept, func(g schemas.Generation) bool { return g.Action != schemas.AuditDelete })
	if at < 0 {
		if state, known := h.Catalog.State(c.Name); !known || state.LastNumber == 0 {
			return nil // nobody had the name
		}
		return outside(c.Name)
	}
	former, err := h.readGeneration(ctx, c.Name, kept[at].Generation)
	if err != nil {
		refusal, ok := errors.AsType[*Problem](err)
		if !ok {
			return h.kafkaFailed(ctx, err)
		}
		return refusal
	}
	if former.Definition == nil || !caller.Reaches(former.Definition.Metadata) {
		return outside(c.Name)
	}
	return nil
}

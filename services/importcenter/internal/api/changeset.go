package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tapline.dev/domain/definition"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// ChangeSet is what apply makes and plan shows.
type ChangeSet struct {
	Documents   []json.RawMessage  `json:"documents" minItems:"1" maxItems:"1000" doc:"Import, ImportDefaults, SnowflakeConnection, CleverTapAccount and Notification documents"`
	ManagedBy   *schemas.ManagedBy `json:"managedBy,omitempty" doc:"Where the documents come from: from then on they are changed from there only"`
	Prune       map[string]string  `json:"prune,omitempty" maxProperties:"20" doc:"Labels: whatever has all of them and is not among the documents is removed"`
	DropUnknown bool               `json:"dropUnknown,omitempty" doc:"Take out of what the documents define what a newer version has written and this one does not know; otherwise it stays"`
}

// wanted is a change set, and what has to hold for it to be made.
type wanted struct {
	ChangeSet
	CheckQuery
	// digest is of the plan that the caller has seen; "" if there was none.
	digest string
	// like is the import that the one document is a copy of, "" if it is none.
	like string
	// unless may still refuse the changes; nil refuses none.
	unless func([]plan.Change) *Problem
}

// sourceOf refuses what does not say where documents come from.
func sourceOf(m *schemas.ManagedBy) *Problem {
	if m == nil {
		return nil
	}
	u, err := url.Parse(m.Source)
	switch {
	case m.Tool != schemas.ManagedByGit:
		return problem(http.StatusUnprocessableEntity, codeInvalidRequest, "managedBy.tool is "+schemas.ManagedByGit)
	case err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || len(m.Source) > maxSource:
		return problem(http.StatusUnprocessableEntity, codeInvalidRequest,
			"managedBy.source is the URL where the documents are changed, such as https://git.example.com/growth/imports, without a password")
	}
	return nil
}

const maxSource = 500

// judge parses, validates and plans; everything that is wrong is reported at once.
func (h *handlers) judge(ctx context.Context, w wanted, mappings *definition.MappingCheck) (*definition.Set, []plan.Change, *Problem) {
	set, details := h.parse(ctx, w.Documents, mappings)
	if len(details) > 0 {
		return nil, nil, refused(details)
	}
	changes := h.changes(set, w.ChangeSet)
	if w.like != "" {
		changes[0].Unknown = schemas.Within("spec", h.Catalog.Unknown(schemas.KindImport, w.like).Child("spec"))
	}
	refusal := h.managedElsewhere(changes, w.ManagedBy)
	if refusal == nil {
		refusal = h.mayRemove(ctx, changes)
	}
	return set, changes, refusal
}

// changes are all that a change set does, removals last.
func (h *handlers) changes(set *definition.Set, c ChangeSet) []plan.Change {
	made := plan.Set{Imports: set.Imports, Resources: set.Resources, ManagedBy: c.ManagedBy, DropUnknown: c.DropUnknown}
	changes := plan.Make(made, h.Catalog, h.Now())
	for i := range changes {
		if changes[i].Import != nil {
			changes[i].Missing = set.Missing(changes[i].Name)
		}
	}
	if len(c.Prune) == 0 {
		return changes
	}
	applied := plan.Applied{Imports: h.Catalog.Imports()}
	for _, kind := range []string{schemas.KindImportDefaults, schemas.KindSnowflakeConnection, schemas.KindCleverTapAccount, schemas.KindNotification} {
		applied.Resources = append(applied.Resources, h.Catalog.Resources(kind)...)
	}
	return append(changes, plan.Removals(made, c.Prune, applied)...)
}

// managedElsewhere refuses changes of definitions that come from somewhere else.
func (h *handlers) managedElsewhere(changes []plan.Change, by *schemas.ManagedBy) *Problem {
	for _, c := range changes {
		if c.Outcome == plan.Unchanged || c.Before == nil {
			continue
		}
		var before struct {
			ManagedBy *schemas.ManagedBy `json:"managedBy"`
		}
		if json.Unmarshal(c.Before, &before) != nil {
			continue
		}
		if refusal := managedRefusal(c.Kind, c.Name, before.ManagedBy, by); refusal != nil {
			return refusal
		}
	}
	return nil
}

// managedRefusal refuses the change of one definition by somebody who is not its source.
func managedRefusal(kind, name string, mark, by *schemas.ManagedBy) *Problem {
	if mark == nil || by != nil && *mark == *by {
		return nil
	}
	return problem(http.StatusConflict, codeManaged, "nothing was done: the "+kind+" "+name+" comes from "+mark.Source+
		" ("+mark.Tool+"); change it there. An admin can take the mark off: tapline unmanage "+unmanageName(kind, name))
}

// unmanageName is how the command line names a definition.
func unmanageName(kind, name string) string {
	if kind == schemas.KindImport {
		return name
	}
	return kind + "/" + name
}

// mayRemove refuses to remove what a run or another definition uses.
func (h *handlers) mayRemove(ctx context.Context, changes []plan.Change) *Problem {
	for _, c := range changes {
		if c.Outcome != plan.Removed {
			continue
		}
		if refusal := h.inUse(ctx, c, changes); refusal != nil {
			return refusal
		}
	}
	return nil
}

func (h *handlers) inUse(ctx context.Context, c plan.Change, changes []plan.Change) *Problem {
	if state, _ := h.Catalog.State(c.Name); c.Import != nil && state.Active != nil {
		return problem(http.StatusConflict, codeInUse,
			"nothing was done: run "+state.Active.Run+" of "+c.Name+", which would be removed, is active; cancel it or wait for its end")
	}
	var users []string
	for _, d := range h.remaining(changes) {
		if c.Import != nil && slices.Contains(d.Spec.After, c.Name) || c.Import == nil && refers(d.Spec, c.Kind, c.Name) {
			if name := h.nameOf(ctx, d.Metadata.Name); !slices.Contains(users, name) {
				users = append(users, name)
			}
		}
		if state, _ := h.Catalog.State(d.Metadata.Name); c.Import == nil && state.Active != nil && refers(state.Active.Spec, c.Kind, c.Name) {
			users = append(users, "the active run "+state.Active.Run)
		}
	}
	if len(users) == 0 {
		return nil
	}
	return problem(http.StatusConflict, codeInUse,
		"nothing was done: the "+c.Kind+" "+c.Name+", which would be removed, is still named by "+strings.Join(slices.Compact(users), ", "))
}

// remaining are the imports as they are once the changes are made.
func (h *handlers) remaining(changes []plan.Change) (out []schemas.Definition) {
	changed := map[string]bool{}
	for _, c := range changes {
		if c.Import == nil {
			continue
		}
		changed[c.Name] = true
		if c.Outcome != plan.Removed {
			out = append(out, *c.Import)
		}
	}
	for _, d := range h.Catalog.Imports() {
		if !changed[d.Metadata.Name] {
			out = append(out, d)
		}
	}
	return out
}

// refers reports whether an import names a connection or an account.
func refers(spec schemas.ImportSpec, kind, name string) bool {
	return kind == schemas.KindSnowflakeConnection && spec.Source.ConnectionRef == name ||
		kind == schemas.KindCleverTapAccount && spec.Destination.AccountRef == name
}

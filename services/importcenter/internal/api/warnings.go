package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

// CleverTap's limits for one account, and the shortest interval of its own imports.
const (
	maxEventTypes        = 512 // those of the system included
	maxProfileProperties = 256
	shortestInterval     = 15 * time.Minute
	// lookedAt is how many instants of a schedule are looked at for short intervals.
	lookedAt = 100
)

// Codes of warnings.
const (
	warnAfter             = "event_without_after"
	warnTypes             = "property_types_differ"
	warnAlike             = "names_alike"
	warnEventTypes        = "too_many_event_types"
	warnProfileProperties = "too_many_profile_properties"
	warnEventProperties   = "too_many_event_properties"
	warnSchedule          = "schedule_short"
)

// warnings looks at all imports of the accounts that changed imports send to, as they
// are once the changes are made. A caller with a selector is told of its own only.
func (h *handlers) warnings(ctx context.Context, changes []plan.Change) []PlanWarning {
	out := []PlanWarning{}
	accounts := map[string][]schemas.Definition{}
	for _, c := range changes {
		if c.Import == nil || c.Outcome == plan.Unchanged || c.Outcome == plan.Removed {
			continue
		}
		accounts[c.Import.Spec.Destination.AccountRef] = nil
		if shortest := h.shortest(c.Import.Spec); shortest < shortestInterval {
			out = append(out, PlanWarning{Code: warnSchedule, Imports: []string{c.Name}, Text: fmt.Sprintf(
				"%s runs every %s; CleverTap's own imports run every 15 minutes at most", c.Name, schemas.Duration(shortest))})
		}
	}
	for _, d := range h.remaining(changes) {
		if d.Spec.Draft {
			continue // it never sends anything
		}
		account := d.Spec.Destination.AccountRef
		if _, asked := accounts[account]; asked && access.CallerOf(ctx).Reaches(d.Metadata) {
			accounts[account] = append(accounts[account], d)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(accounts)) {
		imports := accounts[account]
		slices.SortFunc(imports, func(a, b schemas.Definition) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
		found := append(withoutAfter(imports), h.ofNames(ctx, account, imports)...)
		for i := range found {
			found[i].Account = account
		}
		out = append(out, found...)
	}
	return out
}

// shortest is the shortest interval between instants of an import's schedules.
func (h *handlers) shortest(spec schemas.ImportSpec) time.Duration {
	calendar := schedule.Calendar{Schedules: spec.Schedules, Zone: spec.Timezone, Start: spec.Start, End: spec.End, Anchor: h.Now()}
	shortest := shortestInterval
	at, ok, err := calendar.Next(h.Now())
	for n := 0; n < lookedAt && ok && err == nil; n++ {
		var next time.Time
		if next, ok, err = calendar.Next(at); ok && err == nil {
			shortest = min(shortest, next.Sub(at))
			at = next
		}
	}
	return shortest
}

// withoutAfter warns of event imports that do not wait for the profiles of their account.
func withoutAfter(imports []schemas.Definition) (out []PlanWarning) {
	var profiles []string
	for _, d := range imports {
		if d.Spec.Destination.Type == schemas.TypeProfile {
			profiles = append(profiles, d.Metadata.Name)
		}
	}
	for _, d := range imports {
		waits := slices.ContainsFunc(d.Spec.After, func(name string) bool { return slices.Contains(profiles, name) })
		if d.Spec.Destination.Type != schemas.TypeEvent || waits || len(profiles) == 0 {
			continue
		}
		out = append(out, PlanWarning{Code: warnAfter, Imports: []string{d.Metadata.Name}, Text: fmt.Sprintf(
			"%s sends events without waiting for the profiles of %s: an event of somebody whom CleverTap does not know makes a profile without properties. after: [%s] makes it wait",
			d.Metadata.Name, strings.Join(profiles, ", "), profiles[0])})
	}
	return out
}

package api

import (
	"encoding/json"
	"fmt"
	"strings"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// consequences says what a change does to the next run. Only the services that hold
// the credentials know what a secret reference resolves to, so that is compared
// when the run starts.
func (h *handlers) consequences(c plan.Change) []string {
	if c.Import != nil && c.Outcome == plan.Created && len(c.Import.Spec.Schedules) > 0 {
		if account := c.Import.Spec.Destination.AccountRef; h.account(account).Environment == schemas.EnvironmentProduction {
			return []string{"its schedule sends to the production account " + account + " without asking; tapline pause " + c.Name + " holds it"}
		}
	}
	if c.Outcome != plan.Updated {
		return nil
	}
	if c.Import == nil {
		using := h.Catalog.Referring(c.Kind, c.Name)
		if len(using) == 0 || c.Kind == schemas.KindImportDefaults {
			return nil
		}
		return []string{"the next run of " + strings.Join(using, ", ") + " compares what this resolves to when it starts: another account, role, database, schema or region begins a new epoch, which reads everything"}
	}
	var before schemas.Definition
	if json.Unmarshal(c.Before, &before) != nil || runs.SourceHash(before.Spec) == runs.SourceHash(c.Import.Spec) {
		return nil
	}
	state, _ := h.Catalog.State(c.Name)
	if n := state.Events; c.Import.Spec.Destination.Type == schemas.TypeEvent && n != nil && (n.Stored > 0 || n.AtLeast) {
		return []string{fmt.Sprintf("other rows or another destination: the next run is held until it is approved (tapline approve), because the %d events that were stored would be stored a second time", n.Stored)}
	}
	return []string{"other rows or another destination: a new epoch begins, and the next run reads everything"}
}

package api

import (
	"encoding/json"
	"fmt"
	"time"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// tooOften says that the schedules of a definition are due more often than this deployment
// allows; "" if they are not.
func (h *handlers) tooOften(d schemas.Definition) string {
	if h.MinInterval <= time.Second || len(d.Spec.Schedules) == 0 {
		return ""
	}
	cal, _ := schedule.Applied(d, schemas.State{})
	if cal.Anchor.IsZero() {
		cal.Anchor = h.Now()
	}
	first, second, found, err := cal.Closest(h.Now(), h.MinInterval)
	if err != nil || !found {
		return ""
	}
	return fmt.Sprintf("due at %s and again %s later: this deployment requires at least %s between two runs",
		first.UTC().Format(time.RFC3339), schemas.Duration(second.Sub(first)), schemas.Duration(h.MinInterval))
}

// intervals refuses new and changed schedules that are due more often than this
// deployment allows. One in force goes on.
func (h *handlers) intervals(set *definition.Set) []definition.Problem {
	var problems []definition.Problem
	for _, d := range set.Imports {
		if d.Spec.Draft {
			continue
		}
		if now, ok := h.Catalog.Import(d.Metadata.Name); ok && !now.Spec.Draft && sameSchedules(now.Spec, d.Spec) {
			continue
		}
		if text := h.tooOften(d); text != "" {
			problems = append(problems, set.Locate(schemas.KindImport, d.Metadata.Name, []definition.Problem{{
				Path: "spec.schedules", Code: "schedule_too_often", Message: text,
			}})...)
		}
	}
	return problems
}

func sameSchedules(x, y schemas.ImportSpec) bool {
	return schedulesText(x) == schedulesText(y)
}

func schedulesText(spec schemas.ImportSpec) string {
	text, _ := json.Marshal([]any{spec.Schedules, spec.Timezone, spec.Start, spec.End}) // texts and instants always encode
	return string(text)
}

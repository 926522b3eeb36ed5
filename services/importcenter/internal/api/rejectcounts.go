package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rejects"
)

// maxGroups bounds how many groups an answer holds.
const maxGroups = 1000

type countRejectsInput struct {
	RejectFilters
	By []string `query:"by" uniqueItems:"true" enum:"import,run,stage,code,column,property,shape,day,state" doc:"What rejects of a group have in common; code, column and shape if absent"`
}

// RejectGroup counts rejects that have something in common.
type RejectGroup struct {
	Import   string `json:"import,omitempty"`
	Run      string `json:"run,omitempty"`
	Stage    string `json:"stage,omitempty"`
	Code     string `json:"code,omitempty"`
	Column   string `json:"column,omitempty"`
	Property string `json:"property,omitempty"`
	Shape    string `json:"shape,omitempty" doc:"What kind of value the column holds, such as 12 digits; never the value"`
	Day      string `json:"day,omitempty" doc:"In UTC"`
	State    string `json:"state,omitempty"`
	Count    int64  `json:"count"`
	Meaning  string `json:"meaning,omitempty" doc:"What the code means"`
	Action   string `json:"action,omitempty" doc:"What to do about the code"`
}

type rejectCountsOutput struct {
	Body rejectCounts
}

type rejectCounts struct {
	Items  []RejectGroup `json:"items" doc:"The largest groups first, at most 1,000"`
	Total  int64         `json:"total" doc:"The rejects of all groups, also of those that are not shown"`
	Groups int           `json:"groups" doc:"How many groups there are"`
	Coverage
}

func (h *handlers) registerRejectCounts(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "count-rejects", Method: http.MethodGet, Path: "/v1/rejects/counts",
		Summary: "Count rejects in groups, such as those with the same code, column and shape of the value",
		Errors:  []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.countRejects)
}

func (h *handlers) countRejects(ctx context.Context, in *countRejectsInput) (*rejectCountsOutput, error) {
	sel, refusal := in.anySelection()
	if refusal != nil {
		return nil, refusal
	}
	if schemas.IsTrial(sel.Run) {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, "the failed checks of a dry run are counted in the dry run itself (tapline describe dry-run)")
	}
	by := []rejects.By{rejects.ByCode, rejects.ByColumn, rejects.ByShape}
	if len(in.By) > 0 {
		by = by[:0]
		for _, name := range in.By {
			by = append(by, rejects.By(name))
		}
	}
	// By import in any case, to leave out those that the caller may not see.
	groups, how, err := h.Rejects.CountBy(ctx, sel, append(slices.Clone(by), rejects.ByImport)...)
	if err != nil {
		return nil, h.rejectsFailed(ctx, err)
	}
	groups = h.reachable(ctx, groups, slices.Contains(by, rejects.ByImport))
	if len(groups) == 0 && (sel.Import == "" || h.reaches(ctx, sel.Import)) {
		if refusal := h.nothingRejected(ctx, sel); refusal != nil {
			return nil, refusal
		}
	}
	out := &rejectCountsOutput{rejectCounts{Items: []RejectGroup{}, Groups: len(groups), Coverage: coverageOf(how)}}
	for i, g := range groups {
		out.Body.Total += g.Count
		if i >= maxGroups {
			continue
		}
		shown := RejectGroup{
			Import: g.Import, Run: g.Run, Stage: g.Stage, Code: g.Code, Column: g.Column, Property: g.Property, Shape: g.Shape, Day: g.Day, State: g.State, Count: g.Count,
		}
		if info, ok := schemas.LookupError(g.Code); ok {
			shown.Meaning, shown.Action = info.Meaning, info.Action
		}
		out.Body.Items = append(out.Body.Items, shown)
	}
	return out, nil
}

// reachable leaves out groups of imports that the caller may not see, and adds up those
// that differ in the import alone unless it was asked for.
func (h *handlers) reachable(ctx context.Context, groups []rejects.Group, byImport bool) []rejects.Group {
	var out []rejects.Group
	at := map[rejects.Names]int{}
	for _, g := range groups {
		if !h.reaches(ctx, g.Import) {
			continue
		}
		if !byImport {
			g.Import = ""
		}
		if i, ok := at[g.Names]; ok {
			out[i].Count += g.Count
			continue
		}
		at[g.Names] = len(out)
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(a, b rejects.Group) int { return int(b.Count - a.Count) })
	return out
}

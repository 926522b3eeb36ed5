package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"tapline.dev/libs/nearest"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rejects"
)

// RejectFilters say which rejects are wanted.
type RejectFilters struct {
	Import string    `query:"import" doc:"The import; may be left out when run is given"`
	Run    string    `query:"run" doc:"Only rejects of this run"`
	Code   string    `query:"code" doc:"Only rejects with this code"`
	Stage  string    `query:"stage" doc:"Only rejects of this stage"`
	Column string    `query:"column" doc:"Only rejects because of this column"`
	State  string    `query:"state" enum:"open,replaying,replayed,dismissed" doc:"Only rejects of which this has become"`
	Since  time.Time `query:"since" doc:"From this instant on"`
	Until  time.Time `query:"until" doc:"Before this instant"`
}

// selection is what the filters select of one import.
func (in RejectFilters) selection() (rejects.Selection, *Problem) {
	s, refusal := in.anySelection()
	if refusal == nil && s.Import == "" {
		refusal = problem(http.StatusBadRequest, codeInvalidRequest, "name the import or the run whose rejects are wanted")
	}
	return s, refusal
}

// anySelection is what the filters select, perhaps of all imports.
func (in RejectFilters) anySelection() (rejects.Selection, *Problem) {
	s := rejects.Selection{
		Import: in.Import, Run: in.Run, Code: in.Code, Stage: in.Stage, Column: in.Column, State: in.State, Since: in.Since, Until: in.Until,
	}
	if in.Run == "" {
		return s, nil
	}
	importName, _, err := schemas.ParseRunID(in.Run)
	if err != nil {
		return s, problem(http.StatusBadRequest, codeInvalidRequest, err.Error())
	}
	if in.Import != "" && in.Import != importName {
		return s, problem(http.StatusBadRequest, codeInvalidRequest, "run "+in.Run+" is not a run of "+in.Import)
	}
	s.Import = importName
	return s, nil
}

// nothingRejected refuses a selection that names an import, run or code that does not exist,
// with similar names: an empty list would hide a typing mistake.
func (h *handlers) nothingRejected(ctx context.Context, s rejects.Selection) *Problem {
	if s.Import != "" {
		if _, ok := h.Catalog.Import(s.Import); !ok {
			return h.noImport(ctx, s.Import)
		}
	}
	if s.Run != "" {
		state, known := h.Catalog.State(s.Import)
		_, number, err := schemas.ParseRunID(s.Run)
		if known && err == nil && number > state.LastNumber {
			return h.noSuchRun(s.Import, s.Run, state.LastNumber)
		}
	}
	if s.Code == "" || strings.Trim(s.Code, "0123456789") == "" { // a number is a code of CleverTap, of which there is no complete list
		return nil
	}
	if _, ok := schemas.LookupError(s.Code); ok {
		return nil
	}
	groups, _, err := h.Rejects.CountBy(ctx, rejects.Selection{Import: s.Import}, rejects.ByCode)
	if err != nil {
		return h.rejectsFailed(ctx, err)
	}
	var codes []string
	for _, g := range groups {
		codes = append(codes, g.Code)
	}
	if slices.Contains(codes, s.Code) {
		return nil
	}
	for _, info := range schemas.ErrorCatalogue() {
		codes = append(codes, info.Code)
	}
	return problem(http.StatusNotFound, codeNotFound,
		"there is no code "+s.Code+nearest.Question(s.Code, slices.Values(codes))+"; docs/failed-rows.md lists the codes")
}

func (h *handlers) noSuchRun(importName, run string, last int) *Problem {
	if last == 0 {
		return problem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no run %s: %s has not run yet", run, importName))
	}
	return problem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no run %s: the newest run of %s is %s", run, importName, schemas.RunOf(importName, last)))
}

package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

type planDeletionInput struct {
	ImportPath
	Topics       string `query:"topics" default:"keep" enum:"keep,remove" doc:"As the deletion would be asked with"`
	CancelActive bool   `query:"cancelActive" doc:"As the deletion would be asked with"`
}

type deletionOutput struct{ Body Deletion }

// Deletion is what deleting an import would do.
type Deletion struct {
	Import   string   `json:"import"`
	Refused  string   `json:"refused,omitempty" doc:"Why it would be refused now, and what to do"`
	Approval bool     `json:"approval,omitempty" doc:"It would wait for a second person"`
	Cancels  string   `json:"cancels,omitempty" doc:"The active run, which would be cancelled"`
	Removed  []string `json:"removed" doc:"Topics that would be removed, with all that they hold"`
	Lost     []string `json:"lost" doc:"What could not be done any more, in sentences"`
	Kept     []string `json:"kept" doc:"What would stay, and for how long, in sentences"`
}

func (h *handlers) registerDeletion(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "plan-deletion", Method: http.MethodGet, Path: "/v1/imports/{import}/deletion",
		Summary: "Show what deleting an import would remove, keep and make impossible; nothing is done",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.planDeletion)
}

func (h *handlers) planDeletion(ctx context.Context, in *planDeletionInput) (*deletionOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	def, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	state, _ := h.Catalog.State(in.Import)
	out := Deletion{
		Import: in.Import, Approval: h.guarded(in.Import), Removed: []string{},
		Lost: h.lostWith(def, state), Kept: h.kept(in.Import, in.Topics),
	}
	if refusal := h.undeletable(def, state, in.CancelActive); refusal != nil {
		out.Refused = refusal.Detail
	}
	if state.Active != nil {
		out.Cancels = state.Active.Run
	}
	if in.Topics == topicsRemoved {
		names := []string{h.Topics.Rows(in.Import), h.Topics.Records(in.Import)}
		have, err := h.PartitionCounts(ctx, names)
		if err != nil {
			return nil, h.kafkaFailed(ctx, err)
		}
		out.Removed = slices.DeleteFunc(names, func(name string) bool { return have[name] == 0 })
	}
	return &deletionOutput{Body: out}, nil
}

// undeletable says why an import cannot be deleted now; nil if it can.
func (h *handlers) undeletable(def schemas.Definition, state schemas.State, cancelActive bool) *Problem {
	name := def.Metadata.Name
	if refusal := managedRefusal(schemas.KindImport, name, def.ManagedBy, nil); refusal != nil {
		return refusal
	}
	if state.Active == nil || cancelActive {
		return nil
	}
	return problem(http.StatusConflict, codeInUse, "run "+state.Active.Run+" is active; "+
		"wait for its end, or delete the import with cancelActive=true (tapline delete import "+name+" --cancel), which cancels the run")
}

// lostWith says what cannot be done any more once an import is deleted.
func (h *handlers) lostWith(def schemas.Definition, state schemas.State) []string {
	name := def.Metadata.Name
	lost := []string{}
	if state.OpenRejects > 0 {
		lost = append(lost, fmt.Sprintf("its failed rows cannot be replayed: %d wait for that", state.OpenRejects))
	}
	if state.Watermark != "" {
		lost = append(lost, "its watermark "+state.Watermark+" is forgotten: an import that is created under its name reads everything again")
	}
	for _, other := range h.Catalog.Imports() {
		if slices.Contains(other.Spec.After, name) {
			lost = append(lost, other.Metadata.Name+" names it in spec.after")
		}
	}
	return lost
}

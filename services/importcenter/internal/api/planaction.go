package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

// planActionInput is an action that somebody considers, with what it would be asked with.
type planActionInput struct {
	ImportPath
	Body struct {
		Action string `json:"action" enum:"reset,backfill,resend" doc:"What is considered"`
		From   string `json:"from,omitempty" maxLength:"64" doc:"Of a backfill: where the span begins"`
		To     string `json:"to,omitempty" maxLength:"64" doc:"Of a backfill: where the span ends"`
		First  int    `json:"first,omitempty" minimum:"1" doc:"Of a resend: the number of the first run"`
		Last   int    `json:"last,omitempty" minimum:"1" doc:"Of a resend: the number of the last run"`
	}
}

type planActionOutput struct{ Body Confirmation }

func (h *handlers) registerPlanAction(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "plan-action", Method: http.MethodPost, Path: "/v1/imports/{import}/actions/plan",
		Summary: "Show what a reset, a backfill or a resend would send and what of it cannot be taken back; nothing is done",
		Errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.planAction)
}

// planAction says of an action what its request would ask a person to agree to, and the
// same of one that asks nothing.
func (h *handlers) planAction(ctx context.Context, in *planActionInput) (*planActionOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	def, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	if refusal := draftRefuses(def, in.Body.Action); refusal != nil {
		return nil, refusal
	}
	cmd := schemas.Command{Import: in.Import, Kind: in.Body.Action}
	var refusal *Problem
	switch in.Body.Action {
	case schemas.CommandBackfill:
		cmd.From, cmd.To, refusal = h.backfilled(in.Import, in.Body.From, in.Body.To)
	case schemas.CommandResend:
		cmd.Runs, refusal = h.resentRuns(ctx, in.Import, in.Body.First, in.Body.Last)
	}
	if refusal != nil {
		return nil, refusal
	}
	return &planActionOutput{Body: *h.confirmationOf(ctx, cmd, h.needOf(cmd))}, nil
}

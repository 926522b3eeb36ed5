package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

type reconcileInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	Body struct {
		Baseline bool `json:"baseline,omitempty" doc:"Take a new baseline, compare nothing and send nothing"`
	}
}

func (h *handlers) registerReconciliations(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "start-reconciliation", Method: http.MethodPost, Path: "/v1/imports/{import}/reconciliations",
		Summary:       "Compare Snowflake's sums of the rows behind the watermark with those of the last reconciliation, and send what has come since, in a run of its own that moves neither the watermark nor the ledger",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.startReconciliation)
}

func (h *handlers) startReconciliation(ctx context.Context, in *reconcileInput) (*runStarted, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	def, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	state, _ := h.Catalog.State(in.Import)
	nothing := func(why string) *Problem { return problem(http.StatusConflict, codeNotReconcilable, why) }
	switch {
	case def.Spec.Draft:
		return nil, isDraft(in.Import)
	case def.Spec.Source.Cursor == nil:
		return nil, nothing(in.Import + " has no source.cursor: each run reads everything, so that nothing is behind a watermark")
	case def.Spec.Source.LateCheck && def.Spec.Destination.Type == schemas.TypeEvent:
		return nil, nothing(in.Import + " has source.lateCheck, whose runs send late rows already: their events would be stored a second time. Use one of the two")
	case state.Watermark == "":
		return nil, nothing(in.Import + " has no watermark: no run has succeeded since it began; tapline run " + in.Import + " first")
	}
	return h.writeAndAwaitRun(ctx, schemas.Command{
		ID: in.Key, Import: in.Import, Kind: schemas.CommandReconcile, Reconcile: &schemas.Reconciliation{BaselineOnly: in.Body.Baseline}, Generation: def.Generation, Actor: in.Actor,
	}, ConfirmQuery{})
}

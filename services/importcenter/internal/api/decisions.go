package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

type resetInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	ConfirmQuery
}

// registerDecisions registers what a person decides: whether a held run goes on,
// whether an import begins anew, and which rejects are dismissed.
func (h *handlers) registerDecisions(api huma.API) {
	for kind, summary := range map[string]string{
		schemas.CommandApprove: "Let a held run continue",
		schemas.CommandDecline: "End a held run; the import keeps its watermark",
	} {
		huma.Register(api, huma.Operation{
			OperationID: kind + "-run", Method: http.MethodPost, Path: "/v1/runs/{run}/" + kind,
			Summary:       summary,
			DefaultStatus: http.StatusAccepted,
			Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		}, func(ctx context.Context, in *cancelInput) (*accepted, error) { return h.decide(ctx, kind, in) })
	}
	huma.Register(api, huma.Operation{
		OperationID: "reset-import", Method: http.MethodPost, Path: "/v1/imports/{import}/reset",
		Summary:       "Forget the watermark: the next run reads everything again; asks first where that sends to a production account or stores events a second time",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionRequired, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *resetInput) (*accepted, error) {
		return h.confirmed(ctx, schemas.Command{
			ID: in.Key, Import: in.Import, Kind: schemas.CommandReset, Repeats: &in.Repeats, Actor: in.Actor,
		}, in.ConfirmQuery)
	})
	huma.Register(api, huma.Operation{
		OperationID: "dismiss-rejects", Method: http.MethodPost, Path: "/v1/imports/{import}/rejects/dismiss",
		Summary:       "Dismiss the open rejects of an import: they no longer count against its health",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *commandInput) (*accepted, error) {
		return h.command(ctx, schemas.Command{ID: in.Key, Import: in.Import, Kind: schemas.CommandDismiss, Actor: in.Actor})
	})
}

// decide passes a decision on a held run on.
func (h *handlers) decide(ctx context.Context, kind string, in *cancelInput) (*accepted, error) {
	importName, err := h.importOfRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	if refusal := h.notHeld(importName, in.Run); refusal != nil {
		return nil, refusal
	}
	return h.command(ctx, schemas.Command{ID: in.Key, Import: importName, Kind: kind, Run: in.Run, Actor: in.Actor})
}

// notHeld refuses a decision on a run that waits for none.
func (h *handlers) notHeld(importName, run string) *Problem {
	state, _ := h.Catalog.State(importName)
	if a := state.Active; a == nil || a.Run != run || a.State != schemas.StateHeld {
		return problem(http.StatusConflict, codeNotHeld, run+" does not wait for a decision; tapline get run "+run+" says how it stands")
	}
	return nil
}

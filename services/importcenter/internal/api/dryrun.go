package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/nearest"
	"tapline.dev/schemas"
)

type dryRunInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	Body struct {
		Rows int `json:"rows,omitempty" minimum:"1" maximum:"10000" default:"1000" doc:"How many rows, at random"`
	}
}

type syncInput struct {
	RunPath
	ActorHeader
	IdempotencyHeader
	ConfirmQuery
}

type dryRunOutput struct{ Body DryRun }

func (h *handlers) registerDryRuns(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "start-dry-run", Method: http.MethodPost, Path: "/v1/imports/{import}/dryruns",
		Summary:       "Try an import with a random sample of rows, a draft too if it is complete; CleverTap stores nothing",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, func(ctx context.Context, in *dryRunInput) (*runStarted, error) {
		if err := h.View.ReadToEnd(ctx); err != nil {
			return nil, h.kafkaFailed(ctx, err)
		}
		if refusal := h.untriable(ctx, in.Import); refusal != nil {
			return nil, refusal
		}
		return h.writeAndAwaitRun(ctx, schemas.Command{
			ID: in.Key, Import: in.Import, Kind: schemas.CommandDryRun, Rows: in.Body.Rows, Actor: in.Actor,
		}, ConfirmQuery{})
	})
	huma.Register(api, huma.Operation{
		OperationID: "get-dry-run", Method: http.MethodGet, Path: "/v1/dryruns/{run}",
		Summary: "Read what a dry run has shown, for each property and each row, within an hour",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.getDryRun)
	huma.Register(api, huma.Operation{
		OperationID: "sync-dry-run", Method: http.MethodPost, Path: "/v1/dryruns/{run}/sync",
		Summary:       "Send exactly the records that a dry run has shown, as a run of the import; asks before it sends to a production account",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionRequired, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, func(ctx context.Context, in *syncInput) (*runStarted, error) {
		importName, _, err := schemas.ParseRunID(in.Run)
		if err != nil || !schemas.IsDryRun(in.Run) {
			return nil, h.noDryRun(ctx, in.Run)
		}
		return h.writeAndAwaitRun(ctx, schemas.Command{
			ID: in.Key, Import: importName, Kind: schemas.CommandSync, Run: in.Run, Actor: in.Actor,
		}, in.ConfirmQuery)
	})
}

// writeAndAwaitRun writes a command, if its caller has agreed to what it needs,
// waits for the scheduler and answers with the run that the command started.
func (h *handlers) writeAndAwaitRun(ctx context.Context, cmd schemas.Command, agreed ConfirmQuery) (*runStarted, error) {
	cmd = h.complete(ctx, cmd)
	if err := h.writeCommand(ctx, cmd, agreed); err != nil {
		return nil, err
	}
	run, err := h.awaitRun(ctx, cmd)
	if err != nil {
		return nil, err
	}
	return &runStarted{Key: cmd.ID, Body: run, Location: "/v1/runs/" + run.Run}, nil
}

// notTaken says why a command that the scheduler has seen started no run; nil if it
// joined the queued run.
func notTaken(cmd schemas.Command) *Problem {
	switch cmd.Kind {
	case schemas.CommandDryRun:
		return problem(http.StatusConflict, codeInUse, "a dry run of "+cmd.Import+" is active; an import has one at a time")
	case schemas.CommandSync:
		return problem(http.StatusConflict, codeSampleStale, "the records of "+cmd.Run+" cannot be sent any more: a run of the import is active or "+
			"has ended since the sample was taken, the import was changed, or the sample is older than an hour; take another dry run")
	}
	return nil
}

func (h *handlers) noDryRun(ctx context.Context, id string) *Problem {
	importName, near := schemas.ImportOf(id), ""
	if _, ok := h.Catalog.Import(importName); !ok {
		near = nearest.Question(importName, h.nearImports(ctx))
	}
	return problem(http.StatusNotFound, codeNotFound, "there is no dry run "+id+near+"; the list of dry runs (tapline get runs --dry) names those that there are")
}

func (h *handlers) getDryRun(ctx context.Context, in *RunPath) (*dryRunOutput, error) {
	if !schemas.IsDryRun(in.Run) {
		return nil, h.noDryRun(ctx, in.Run)
	}
	run, found, err := h.findRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, h.noDryRun(ctx, in.Run)
	}
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	out := &dryRunOutput{Body: DryRun{Run: run, Properties: []DryRunProperty{}, Rows: []DryRunRow{}}}
	state, ok := h.Catalog.State(in.Run)
	if !ok || state.Sample == nil {
		return out, nil // not over yet, failed, or its rows are gone
	}
	if refusal := h.auditRead(ctx, "sample", in.Run); refusal != nil {
		return nil, refusal
	}
	sample, err := h.readSample(ctx, state.Sample)
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	h.summarize(&out.Body, sample)
	if sample.Verify == nil {
		out.Body.Run.Notes = append(slices.Clone(out.Body.Run.Notes), h.wouldHold(sample, out.Body.Properties)...)
	}
	return out, nil
}

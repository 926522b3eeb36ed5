package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// RunPath names a run in the path.
type RunPath struct {
	Run string `path:"run" maxLength:"80" example:"customers.1" doc:"A run such as customers.42"`
}

type runOutput struct {
	Body schemas.Run
}

type listRunsInput struct {
	Import    string `query:"import" doc:"Only runs of this import"`
	State     string `query:"state" enum:"queued,starting,held,extracting,loading,succeeded,succeededWithRejects,failed,cancelled" doc:"Only runs in this state"`
	Dry       bool   `query:"dry" doc:"Dry runs in place of runs"`
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"1000" default:"50" doc:"How many at most"`
	PageToken string `query:"pageToken" doc:"nextPageToken of the page before; the first page if absent"`
}

type runsOutput struct {
	Body struct {
		Items         []schemas.Run `json:"items"`
		NextPageToken string        `json:"nextPageToken"`
	}
}

func (h *handlers) registerRuns(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-runs", Method: http.MethodGet, Path: "/v1/runs",
		Summary: "List runs, newest first",
		Errors:  []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.listRuns)
	huma.Register(api, huma.Operation{
		OperationID: "get-run", Method: http.MethodGet, Path: "/v1/runs/{run}",
		Summary: "Read a run",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *RunPath) (*runOutput, error) {
		run, found, err := h.findRun(ctx, in.Run)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, noRun(in.Run)
		}
		return &runOutput{Body: run}, nil
	})
}

func noRun(id string) *Problem {
	return problem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no run %s; the list of runs (tapline get runs) names those that there are", id))
}

func (h *handlers) listRuns(ctx context.Context, in *listRunsInput) (*runsOutput, error) {
	page, err := h.Projection.Runs(ctx, projection.Query{
		Import: in.Import, State: in.State, Dry: in.Dry, Limit: in.PageSize, Token: in.PageToken,
	})
	if errors.Is(err, projection.ErrToken) {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest,
			"pageToken is the nextPageToken of the page before, unchanged")
	}
	if err != nil {
		return nil, h.redisFailed(ctx, err)
	}
	if len(page.Runs) == 0 && in.Import != "" {
		// An import that was deleted still has its runs; an empty list of one that
		// never was would hide a typing mistake.
		if _, ok := h.Catalog.Import(in.Import); !ok {
			return nil, h.noImport(in.Import)
		}
	}
	out := &runsOutput{}
	// A page may hold fewer than were asked for: the caller's selector leaves out
	// what the projection lists.
	out.Body.Items = slices.DeleteFunc(append([]schemas.Run{}, page.Runs...), func(r schemas.Run) bool { return !h.reaches(ctx, r.Import) })
	out.Body.NextPageToken = page.NextToken
	return out, nil
}

// findRun reads a run from the projection, or from the log if Redis is down
// or was emptied.
func (h *handlers) findRun(ctx context.Context, id string) (schemas.Run, bool, error) {
	importName, _, err := schemas.ParseRunID(id)
	if err != nil {
		return schemas.Run{}, false, problem(http.StatusNotFound, codeNotFound, err.Error())
	}
	run, ok, err := h.Projection.Run(ctx, id)
	if err == nil && ok {
		return run, true, nil
	}
	if err != nil {
		h.Log.WarnContext(ctx, "reading a run from the log because Redis does not answer",
			slog.String("run", id), slog.Any("error", err))
	}
	run, ok, err = h.runFromLog(ctx, importName, id)
	if err != nil {
		return run, false, h.kafkaFailed(ctx, err)
	}
	return run, ok, nil
}

// runFromLog returns the newest event of a run. Counts in events are
// cumulative, so the newest one is the run.
func (h *handlers) runFromLog(ctx context.Context, importName, id string) (run schemas.Run, found bool, err error) {
	err = h.scan(ctx, h.Topics.Runs(), importName, func(r *kafka.Record) error {
		var event schemas.Run
		if err := json.Unmarshal(r.Value, &event); err != nil {
			return fmt.Errorf("decoding a run event: %w", err)
		}
		if event.Run == id {
			run, found = event, true
		}
		return nil
	})
	return run, found, err
}

// triggeredBy returns the run that a key's trigger started, or "".
func (h *handlers) triggeredBy(ctx context.Context, importName, key string) (run string, err error) {
	err = h.scan(ctx, h.Topics.Triggers(), importName, func(r *kafka.Record) error {
		var t schemas.Trigger
		if err := json.Unmarshal(r.Value, &t); err != nil {
			return fmt.Errorf("decoding a trigger: %w", err)
		}
		if t.Key == key {
			run = t.Run
		}
		return nil
	})
	return run, err
}

// scan reads an import's records of a control topic to their end.
func (h *handlers) scan(ctx context.Context, topic, importName string, fn func(*kafka.Record) error) error {
	tp := kafka.TP{Topic: topic, Partition: schemas.ControlPartition(importName)}
	_, err := h.Partitions.ReadTo(ctx, tp, 0, func(r *kafka.Record) error {
		if string(r.Key) != importName {
			return nil
		}
		return fn(r)
	})
	return err
}

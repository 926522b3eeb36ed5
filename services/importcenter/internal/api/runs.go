package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/listing"
	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/nearest"
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
	Import        string    `query:"import" maxLength:"63" doc:"Only runs of this import"`
	State         []string  `query:"state" enum:"queued,starting,held,extracting,loading,succeeded,succeededWithRejects,failed,cancelled" doc:"Only runs in these states"`
	Mode          []string  `query:"mode" maxItems:"10" doc:"Only runs of these modes, such as incremental"`
	Cause         []string  `query:"cause" enum:"schedule,command" doc:"Only runs of these causes"`
	Actor         string    `query:"actor" maxLength:"200" doc:"Only runs that this caller has asked for"`
	Code          string    `query:"code" maxLength:"80" doc:"Only runs that failed with this code or have rejects with it"`
	StartedAfter  time.Time `query:"startedAfter" doc:"Only runs that started at this instant or later"`
	StartedBefore time.Time `query:"startedBefore" doc:"Only runs that started before this instant"`
	Dry           bool      `query:"dry" doc:"Dry runs in place of runs"`
	PageSize      int       `query:"pageSize" minimum:"1" maximum:"1000" default:"50" doc:"How many at most"`
	PageToken     string    `query:"pageToken" maxLength:"400" doc:"nextPageToken of the page before; the first page if absent"`
}

func (in *listRunsInput) matches(r schemas.Run) bool {
	for _, choice := range []struct {
		wanted []string
		value  string
	}{{in.State, r.State}, {in.Mode, r.Mode}, {in.Cause, r.Cause}} {
		if len(choice.wanted) > 0 && !slices.Contains(choice.wanted, choice.value) {
			return false
		}
	}
	if in.Actor != "" && r.Actor != in.Actor {
		return false
	}
	if in.Code != "" && r.RejectsByCode[in.Code] == 0 && (r.Error == nil || r.Error.Code != in.Code) {
		return false
	}
	return within(&r.StartedAt, in.StartedAfter, in.StartedBefore)
}

type runsOutput struct {
	SourceHeader
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
		run, err := h.existingRun(ctx, in.Run)
		if err != nil {
			return nil, err
		}
		return &runOutput{Body: h.figured(run)}, nil
	})
}

// noRun names runs near an unknown one. It names no import that the caller's selector
// excludes.
func (h *handlers) noRun(ctx context.Context, id string) *Problem {
	near, importName := "", schemas.ImportOf(id)
	if _, ok := h.Catalog.Import(importName); ok {
		state, _ := h.Catalog.State(importName)
		if _, number, err := schemas.ParseRunID(id); err == nil && (number > state.LastNumber || state.LastNumber == 0) {
			return h.noSuchRun(importName, id, state.LastNumber)
		}
	} else if name := nearest.Name(importName, h.nearImports(ctx)); name != "" {
		near = "; did you mean " + name + strings.TrimPrefix(id, importName) + "?"
		if state, _ := h.Catalog.State(name); state.LastNumber > 0 {
			near += " (the newest run of " + name + " is " + schemas.RunOf(name, state.LastNumber) + ")"
		}
	}
	return problem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no run %s%s; the list of runs (tapline get runs) names those that there are", id, near))
}

// importOfRun is the import of a run that the scheduler has numbered.
func (h *handlers) importOfRun(ctx context.Context, run string) (string, error) {
	importName, number, err := schemas.ParseRunID(run)
	if err != nil {
		return "", problem(http.StatusNotFound, codeNotFound, err.Error())
	}
	if state, _ := h.Catalog.State(importName); !schemas.IsTrial(run) && number > state.LastNumber {
		if err := h.View.ReadToEnd(ctx); err != nil { // it may be newer than what was read so far
			return "", h.kafkaFailed(ctx, err)
		}
		if state, _ := h.Catalog.State(importName); number > state.LastNumber {
			return "", h.noRun(ctx, run)
		}
	}
	return importName, nil
}

func (h *handlers) listRuns(ctx context.Context, in *listRunsInput) (*runsOutput, error) {
	query := projection.Query{Import: in.Import, Dry: in.Dry, Limit: in.PageSize, Token: in.PageToken}
	query.Match = func(r schemas.Run) bool { return in.matches(r) && h.reaches(ctx, r.Import) }
	out := &runsOutput{}
	page, err := h.Projection.Runs(ctx, query)
	if err != nil && !errors.Is(err, projection.ErrToken) {
		h.logFailure(ctx, codeRedis, err)
		out.Source = sourceLog
		page, err = h.runsFromLog(ctx, query, in.StartedAfter)
	}
	if errors.Is(err, projection.ErrToken) {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest,
			"pageToken is the nextPageToken of the page before, unchanged")
	}
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if len(page.Runs) == 0 && in.Import != "" {
		// An import that was deleted still has its runs; an empty list of one that
		// never was would hide a typing mistake.
		if _, ok := h.Catalog.Import(in.Import); !ok {
			return nil, h.noImport(ctx, in.Import)
		}
	}
	out.Body.Items = []schemas.Run{}
	rates := map[string]float64{}
	for _, r := range page.Runs {
		r.Figures, r.Behind = listing.Figures(r, h.Now()), h.runBehind(r)
		out.Body.Items = append(out.Body.Items, h.perDay(r, rates))
	}
	out.Body.NextPageToken = page.NextToken
	return out, nil
}

// figured is a run with its figures.
func (h *handlers) figured(r schemas.Run) schemas.Run {
	r.Figures, r.Behind = listing.Figures(r, h.Now()), h.runBehind(r)
	return h.perDay(r, map[string]float64{})
}

// runBehind is what a queued run waits behind.
func (h *handlers) runBehind(r schemas.Run) string {
	if r.State != schemas.StateQueued {
		return ""
	}
	d, _ := h.Catalog.Import(r.Import)
	s, _ := h.Catalog.State(r.Import)
	return h.behind(d, s)
}

// perDay adds what a day takes at Snowflake at today's schedules if each run takes as much.
// rates keeps how many runs a day imports have, for the next run of the same import.
func (h *handlers) perDay(r schemas.Run, rates map[string]float64) schemas.Run {
	if r.Snowflake == nil {
		return r
	}
	rate, ok := rates[r.Import]
	if !ok {
		if d, applied := h.Catalog.Import(r.Import); applied {
			rate = h.runsPerDay(d)
		}
		rates[r.Import] = rate
	}
	use := *r.Snowflake
	use.SecondsPerDay = use.ExecutionSeconds * rate
	r.Snowflake = &use
	return r
}

// existingRun is findRun where a run that does not exist is a problem.
func (h *handlers) existingRun(ctx context.Context, id string) (schemas.Run, error) {
	run, found, err := h.findRun(ctx, id)
	if err == nil && !found {
		return schemas.Run{}, h.noRun(ctx, id)
	}
	return run, err
}

// findRun reads a run from the projection, or from the log if Redis is down
// or was emptied.
func (h *handlers) findRun(ctx context.Context, id string) (run schemas.Run, found bool, err error) {
	run, found, _, err = h.lookForRun(ctx, id)
	return run, found, err
}

// lookForRun is findRun. It says also whether it had to read the log because Redis does not
// answer.
func (h *handlers) lookForRun(ctx context.Context, id string) (run schemas.Run, found, fromLog bool, err error) {
	importName, _, err := schemas.ParseRunID(id)
	if err != nil {
		return schemas.Run{}, false, false, problem(http.StatusNotFound, codeNotFound, err.Error())
	}
	run, ok, err := h.Projection.Run(ctx, id)
	if err == nil && ok {
		return run, true, false, nil
	}
	if fromLog = err != nil; fromLog {
		h.Log.WarnContext(ctx, "reading a run from the log because Redis does not answer",
			slog.String("run", id), slog.Any("error", err))
	}
	run, ok, err = h.runFromLog(ctx, importName, id)
	if err != nil {
		return run, false, fromLog, h.kafkaFailed(ctx, err)
	}
	return run, ok, fromLog, nil
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

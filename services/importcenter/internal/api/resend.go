package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// maxResent bounds how many runs are sent again at once.
const maxResent = 100

type resendInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	ConfirmQuery
	Body struct {
		First int `json:"first" minimum:"1" doc:"The number of the first run"`
		Last  int `json:"last" minimum:"1" doc:"The number of the last run"`
	}
}

func (h *handlers) startResend(ctx context.Context, in *resendInput) (*runStarted, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if _, ok := h.Catalog.Import(in.Import); !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	runs, refusal := h.resentRuns(ctx, in.Import, in.Body.First, in.Body.Last)
	if refusal != nil {
		return nil, refusal
	}
	return h.writeAndAwaitRun(ctx, schemas.Command{
		ID: in.Key, Import: in.Import, Kind: schemas.CommandResend, Runs: runs, Actor: in.Actor,
	}, in.ConfirmQuery)
}

// resentRuns reads the runs from the log and says what they have loaded, or why they
// cannot be sent again.
func (h *handlers) resentRuns(ctx context.Context, importName string, first, last int) (*schemas.RunSpan, *Problem) {
	if first < 1 || last < first || last-first >= maxResent {
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, fmt.Sprintf("name 1 to %d runs, the first one first, such as 40..42", maxResent))
	}
	newest := map[int]schemas.Run{}
	err := h.scan(ctx, h.Topics.Runs(), importName, func(r *kafka.Record) error {
		var run schemas.Run
		if err := json.Unmarshal(r.Value, &run); err != nil {
			return fmt.Errorf("decoding a run event: %w", err)
		}
		if _, n, err := schemas.ParseRunID(run.Run); err == nil && !schemas.IsTrial(run.Run) && n >= first && n <= last {
			newest[n] = run
		}
		return nil
	})
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	state, _ := h.Catalog.State(importName)
	span := &schemas.RunSpan{First: first, Last: last}
	for n := first; n <= last; n++ {
		run, ok := newest[n]
		id := schemas.RunID(importName, n)
		switch {
		case !ok && n > state.LastNumber:
			return nil, problem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no run %s; the newest is %s", id, schemas.RunID(importName, state.LastNumber)))
		case !ok:
			return nil, problem(http.StatusNotFound, codeNotFound, "the run "+id+" is not in the log any more; tapline get runs --import "+importName+" names those that are")
		case !schemas.Terminal(run.State):
			return nil, problem(http.StatusConflict, codeInUse, id+" has not ended; ask again when it has")
		case run.Epoch != state.Epoch && run.Counts.Loaded > 0:
			return nil, problem(http.StatusConflict, codeOtherEpoch, id+" read other rows, or sent them elsewhere, before the import began anew; the runs since then can be sent again")
		case run.Replay != nil && run.Replay.How == schemas.ReplayAsSent && run.Counts.Loaded > 0:
			return nil, problem(http.StatusConflict, codeRowsGone, id+" replayed records as they were sent, and Kafka has no rows of them to map: name runs without it")
		}
		span.Loaded += run.Counts.Loaded
		if span.Since.IsZero() || run.StartedAt.Before(span.Since) {
			span.Since = run.StartedAt
		}
	}
	if span.Loaded == 0 {
		return nil, problem(http.StatusConflict, codeNothingLoaded, "these runs have loaded nothing, so there is nothing to send again")
	}
	return span, nil
}

package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rejects"
)

type replayBody struct {
	Run    string              `json:"run,omitempty" maxLength:"80" doc:"Rejects of this run"`
	Code   string              `json:"code,omitempty" maxLength:"100" doc:"With this code; of ambiguous events only those that are asked for by code or by name are sent"`
	Stage  string              `json:"stage,omitempty" enum:"extract,map,load" doc:"Of this stage"`
	Column string              `json:"column,omitempty" maxLength:"255" doc:"Of this column"`
	Since  *time.Time          `json:"since,omitempty" doc:"At or after this"`
	Until  *time.Time          `json:"until,omitempty" doc:"Before this"`
	Refs   []schemas.RejectRef `json:"refs,omitempty" maxItems:"1000" doc:"These, by where they lie, such as 3-18273"`
	How    string              `json:"how,omitempty" enum:"mapped,asSent,declined" doc:"mapped, which is the default: anew, by the definition of now; asSent: an event's record once more, byte for byte; declined: nothing is sent, and they count as dealt with"`
}

type replayInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	ConfirmQuery
	Body replayBody
}

type planReplayInput struct {
	ImportPath
	Body replayBody
}

type planReplayOutput struct{ Body ReplayPlan }

// ReplayPlan is what a replay would do.
type ReplayPlan struct {
	Import    string          `json:"import" doc:"The import's name"`
	Rejects   int64           `json:"rejects" doc:"Rejects that would be taken, at most"`
	Replayed  int64           `json:"replayed,omitempty" doc:"Selected rejects that a replay has dealt with already"`
	Ambiguous int64           `json:"ambiguous,omitempty" doc:"Selected events that CleverTap may hold"`
	ReadAgain int64           `json:"readAgain,omitempty" doc:"Selected rejects of runs without success and of abandoned attempts, whose rows the next run or attempt reads again"`
	Groups    []RejectsOfCode `json:"groups" doc:"By code, the most frequent first"`
	WouldMap  int64           `json:"wouldMap" doc:"Rejected rows that the mapping of now makes a record of"`
	Unknown   int64           `json:"unknown,omitempty" doc:"Rejects whose row is not kept, so that nothing tells whether it would map"`
	Calls     int64           `json:"calls" doc:"Uploads to CleverTap, about"`
	Queries   int64           `json:"queries" doc:"Statements that Snowflake runs, at most"`
	Complete  bool            `json:"complete" doc:"False if there are more rejects than were looked at"`
	Notes     []string        `json:"notes,omitempty" doc:"What else is worth knowing"`
}

// RejectsOfCode counts the rejects of one code.
type RejectsOfCode struct {
	Code     string `json:"code" doc:"Why, as in the catalogue of codes"`
	Rejects  int64  `json:"rejects" doc:"How many there are"`
	WouldMap int64  `json:"wouldMap" doc:"Of them, rows that the mapping of now makes a record of"`
}

const (
	// mostPlanned bounds how many rejects a plan looks at.
	mostPlanned = 1_000_000
	// perUpload is how many records CleverTap takes at once, perStatement how many people
	// the extractor reads at once.
	perUpload    = 1000
	perStatement = 1000
)

func (h *handlers) registerReplays(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "plan-replay", Method: http.MethodPost, Path: "/v1/imports/{import}/replays/plan",
		Summary: "Say what a replay would do, by mapping the rejected rows anew without sending them",
		Errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *planReplayInput) (*planReplayOutput, error) {
		p, _, refusal := h.planReplay(ctx, in.Import, in.Body)
		if refusal != nil {
			return nil, refusal
		}
		return &planReplayOutput{Body: p}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "start-replay", Method: http.MethodPost, Path: "/v1/imports/{import}/replays",
		Summary:       "Send what earlier runs have rejected, with the mapping of now, in a run of its own that moves neither the watermark nor the ledger; asks first where that sends to a production account or may store events a second time",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusPreconditionRequired, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.startReplay)
}

func (h *handlers) startReplay(ctx context.Context, in *replayInput) (*runStarted, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	def, _ := h.Catalog.Import(in.Import) // before the plan: one that is applied meanwhile refuses the replay
	p, replay, refusal := h.planReplay(ctx, in.Import, in.Body)
	if refusal != nil {
		return nil, refusal
	}
	// A request that is repeated because its answer was lost finds its run, which may have
	// taken everything.
	if p.Rejects == 0 && !h.Catalog.ResultOf(in.Import, in.Key).Known {
		reason := "no reject of " + in.Import + " matches; tapline get rejects --import " + in.Import + " shows those that there are"
		if p.Replayed > 0 {
			reason = fmt.Sprintf("the %d rejects that match were replayed already; what was rejected again is a newer reject", p.Replayed)
		} else if p.ReadAgain > 0 {
			reason = fmt.Sprintf("the %d rejects that match are of runs without success, or of abandoned attempts: the next run reads their rows again", p.ReadAgain)
		}
		return nil, problem(http.StatusConflict, codeNothingToReplay, reason)
	}
	if refusal := h.awaitDefinition(ctx, in.Import); refusal != nil {
		return nil, refusal
	}
	return h.writeAndAwaitRun(ctx, schemas.Command{
		ID: in.Key, Import: in.Import, Kind: schemas.CommandReplay, Replay: &replay, Generation: def.Generation, Actor: in.Actor,
	}, in.ConfirmQuery)
}

// awaitDefinition waits until the scheduler has taken in the newest definition of an import.
// Definitions and commands are in topics of their own: a replay that began before would map
// with the old definition, and have everything rejected again.
func (h *handlers) awaitDefinition(ctx context.Context, importName string) *Problem {
	ctx, cancel := context.WithTimeout(ctx, h.AnswerTimeout)
	defer cancel()
	for {
		changed := h.Catalog.Changed()
		def, _ := h.Catalog.Import(importName)
		if state, known := h.Catalog.State(importName); known && state.Generation >= def.Generation {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return problem(http.StatusGatewayTimeout, codeNoAnswer, fmt.Sprintf(
				"nothing was replayed: the scheduler has not taken in generation %d of %s yet; is the scheduler running? Ask again when it is", def.Generation, importName))
		}
	}
}

// replayOf reads what is asked for.
func (h *handlers) replayOf(ctx context.Context, importName string, b replayBody) (schemas.Definition, schemas.Replay, *Problem) {
	def, ok := h.Catalog.Import(importName)
	if !ok {
		return def, schemas.Replay{}, h.noImport(ctx, importName)
	}
	invalid := func(text string) (schemas.Definition, schemas.Replay, *Problem) {
		return def, schemas.Replay{}, problem(http.StatusUnprocessableEntity, codeInvalidRequest, text)
	}
	how := b.How
	if how == "" {
		how = schemas.ReplayMapped
	}
	if how == schemas.ReplayAsSent && def.Spec.Destination.Type != schemas.TypeEvent {
		return invalid("how: a profile is never sent as it was, because a newer version may have been sent since; it is read from Snowflake again")
	}
	if name, n, err := schemas.ParseRunID(b.Run); b.Run != "" && (err != nil || name != importName) {
		return invalid("run: " + b.Run + " is no run of " + importName)
	} else if state, _ := h.Catalog.State(importName); n > state.LastNumber {
		return def, schemas.Replay{}, h.noSuchRun(importName, b.Run, state.LastNumber)
	}
	for _, ref := range b.Refs {
		if ref.Partition != schemas.ControlPartition(importName) {
			return invalid("refs: " + ref.String() + " is no reject of " + importName)
		}
	}
	return def, schemas.Replay{
		Selection: schemas.RejectSelection{Run: b.Run, Code: b.Code, Stage: b.Stage, Column: b.Column, Since: b.Since, Until: b.Until, Refs: b.Refs}, How: how,
	}, nil
}

// planReplay looks at the selected rejects and maps their rows anew.
func (h *handlers) planReplay(ctx context.Context, importName string, b replayBody) (ReplayPlan, schemas.Replay, *Problem) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return ReplayPlan{}, schemas.Replay{}, h.kafkaFailed(ctx, err)
	}
	def, replay, refusal := h.replayOf(ctx, importName, b)
	if refusal != nil {
		return ReplayPlan{}, replay, refusal
	}
	s := rejects.Selection{Import: importName, Run: b.Run, Code: b.Code, Stage: b.Stage, Column: b.Column, Refs: b.Refs}
	if b.Since != nil {
		s.Since = *b.Since
	}
	if b.Until != nil {
		s.Until = *b.Until
	}
	l, err := h.newReplayLook(ctx, def, replay)
	if err != nil {
		return ReplayPlan{}, replay, h.kafkaFailed(ctx, err)
	}
	if err := h.Rejects.Each(ctx, s, l.look); err != nil && !errors.Is(err, rejects.ErrStop) {
		return ReplayPlan{}, replay, h.rejectsFailed(ctx, err)
	}
	if l.looked == 0 {
		if refusal := h.nothingRejected(ctx, s); refusal != nil {
			return ReplayPlan{}, replay, refusal
		}
	}
	p := l.finish(def)
	replay.Selected, replay.Ambiguous = p.Rejects, p.Ambiguous
	return p, replay, nil
}

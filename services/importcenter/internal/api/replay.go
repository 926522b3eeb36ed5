package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
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
		}
		return nil, problem(http.StatusConflict, codeNothingToReplay, reason)
	}
	return h.writeAndAwaitRun(ctx, schemas.Command{
		ID: in.Key, Import: in.Import, Kind: schemas.CommandReplay, Replay: &replay, Actor: in.Actor,
	}, in.ConfirmQuery)
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
	state, _ := h.Catalog.State(importName)
	taken, err := h.takenByReplays(ctx, importName, state)
	if err != nil {
		return ReplayPlan{}, replay, h.kafkaFailed(ctx, err)
	}
	l := &replayLook{plan: ReplayPlan{Import: importName, Groups: []RejectsOfCode{}, Complete: true}, replay: replay, first: state.EpochFirst, taken: taken, now: h.Now().Unix()}
	if replay.Selection.All() {
		l.dismissed = state.DismissedThrough
	}
	if m, problems := mapping.Compile(def.Spec, state.Columns, h.options(&definition.Set{}, def.Spec.Destination.AccountRef)); len(problems) == 0 && len(state.Columns) > 0 {
		l.mapping = m
	} else {
		l.plan.Notes = append(l.plan.Notes, "whether rows would map is not known: the mapping does not fit the columns of the last run that succeeded, or none has")
	}
	s := rejects.Selection{Import: importName, Run: b.Run, Code: b.Code, Stage: b.Stage, Column: b.Column, Refs: b.Refs}
	if b.Since != nil {
		s.Since = *b.Since
	}
	if b.Until != nil {
		s.Until = *b.Until
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

// takenByReplays are the rejects that replays have taken which succeeded or go on.
func (h *handlers) takenByReplays(ctx context.Context, importName string, state schemas.State) ([]schemas.RejectRange, error) {
	var out []schemas.RejectRange
	err := h.scan(ctx, h.Topics.Reports(), importName, func(rec *kafka.Record) error {
		if _, kind, _ := schemas.ParseEventType(kafka.HeaderValue(rec, "ce_type")); kind != schemas.ReportTaken {
			return nil
		}
		var r schemas.Report
		unfinished := func(run schemas.InterruptedRun) bool { return run.Number == r.Number }
		if json.Unmarshal(rec.Value, &r) != nil || r.Taken == nil || slices.ContainsFunc(state.Replays, unfinished) {
			return nil
		}
		out = append(out, r.Taken.Refs...)
		return nil
	})
	slices.SortFunc(out, func(a, b schemas.RejectRange) int { return int(a.From - b.From) })
	return out, err
}

// replayLook looks at one reject after another.
type replayLook struct {
	plan   ReplayPlan
	replay schemas.Replay
	first  int // run of the epoch
	// dismissed is the last run whose rejects were dismissed and are left out for it.
	dismissed int
	givenUp   int64 // rejects that are left out
	taken     []schemas.RejectRange
	mapping   *mapping.Mapping
	now       int64
	looked    int64
	buffer    []byte
}

func (l *replayLook) look(ref schemas.RejectRef, r schemas.Reject) error {
	if l.looked++; l.looked > mostPlanned {
		l.plan.Complete = false
		return rejects.ErrStop
	}
	_, number, err := schemas.ParseRunID(r.Run)
	if err != nil || number < l.first {
		return nil
	}
	if number <= l.dismissed {
		l.givenUp++
		return nil
	}
	i, found := slices.BinarySearchFunc(l.taken, ref.Offset, func(t schemas.RejectRange, offset int64) int { return int(t.From - offset) })
	if found || i > 0 && ref.Offset <= l.taken[i-1].To {
		l.plan.Replayed++
		return nil
	}
	if r.Code == codeAmbiguous {
		l.plan.Ambiguous++
		if l.replay.Selection.Code == "" && len(l.replay.Selection.Refs) == 0 {
			return nil
		}
	}
	l.plan.Rejects++
	at := slices.IndexFunc(l.plan.Groups, func(g RejectsOfCode) bool { return g.Code == r.Code })
	if at < 0 {
		at = len(l.plan.Groups)
		l.plan.Groups = append(l.plan.Groups, RejectsOfCode{Code: r.Code})
	}
	g := &l.plan.Groups[at]
	g.Rejects++
	switch {
	case l.mapping == nil || len(r.Row) == 0 || r.Stage == schemas.StageExtract:
		l.plan.Unknown++
	default:
		record, refused := l.mapping.Map(l.buffer[:0], r.Row, l.now)
		if l.buffer = record; len(refused) == 0 {
			g.WouldMap++
			l.plan.WouldMap++
		}
	}
	return nil
}

// codeAmbiguous is the loader's code of an event that CleverTap may hold.
const codeAmbiguous = "ambiguous"

func (l *replayLook) finish(def schemas.Definition) ReplayPlan {
	p := &l.plan
	slices.SortStableFunc(p.Groups, func(a, b RejectsOfCode) int { return int(b.Rejects - a.Rejects) })
	if l.givenUp > 0 {
		p.Notes = append(p.Notes, numbered(l.givenUp, "dismissed reject")+" left out: name them by a filter, such as their run, to replay them")
	}
	if l.replay.How == schemas.ReplayDeclined {
		return *p
	}
	p.Calls = (p.Rejects + perUpload - 1) / perUpload
	if def.Spec.Destination.Type == schemas.TypeProfile {
		p.Queries = (p.Rejects + perStatement - 1) / perStatement
		p.Notes = append(p.Notes, "profiles are read from Snowflake again: whether a row maps is told from the row that was rejected, and it may have changed since")
	}
	if p.Ambiguous > 0 && !strings.EqualFold(l.replay.Selection.Code, codeAmbiguous) && len(l.replay.Selection.Refs) == 0 {
		p.Notes = append(p.Notes, "ambiguous events are left out: somebody has to look at CleverTap, and name them by their code to send them, or decline them")
	}
	return *p
}

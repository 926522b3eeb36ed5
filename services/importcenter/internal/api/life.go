package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/definition"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

type backfillInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	ConfirmQuery
	Body struct {
		From string `json:"from" maxLength:"64" doc:"Rows with a cursor at or after this: an instant such as 2026-11-01T00:00:00Z, or a value as the cursor itself has it, without a zone, such as 2026-11-01"`
		To   string `json:"to" maxLength:"64" doc:"And before this, written in the same way"`
	}
}

type planRunInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	ConfirmQuery
	Body struct {
		At time.Time `json:"at" doc:"When the run is to begin, once"`
	}
}

type cancelPlanInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	At time.Time `path:"at" doc:"The instant of the planned run"`
}

type cloneInput struct {
	ImportPath
	ActorHeader
	Body struct {
		Name string `json:"name" maxLength:"63" doc:"The name of the new import"`
	}
}

type cloneOutput struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     schemas.Definition
}

// registerLife registers what begins, ends and copies an import beside its runs.
func (h *handlers) registerLife(api huma.API) {
	refusals := []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusPreconditionRequired, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
	huma.Register(api, huma.Operation{
		OperationID: "start-backfill", Method: http.MethodPost, Path: "/v1/imports/{import}/backfills",
		Summary:       "Read a span of the cursor again, in a run of its own that moves neither the watermark nor the ledger; asks first where that sends to a production account or stores events a second time",
		DefaultStatus: http.StatusAccepted, Errors: refusals,
	}, h.startBackfill)
	huma.Register(api, huma.Operation{
		OperationID: "start-resend", Method: http.MethodPost, Path: "/v1/imports/{import}/resends",
		Summary:       "Send again what earlier runs have loaded, with the mapping of now; asks first where that sends to a production account or stores events a second time",
		DefaultStatus: http.StatusAccepted, Errors: refusals,
	}, h.startResend)
	huma.Register(api, huma.Operation{
		OperationID: "plan-run", Method: http.MethodPost, Path: "/v1/imports/{import}/planned-runs",
		Summary:       "Plan a run for an instant, once; the schedules stay as they are",
		DefaultStatus: http.StatusAccepted, Errors: refusals,
	}, h.planRun)
	huma.Register(api, huma.Operation{
		OperationID: "cancel-planned-run", Method: http.MethodDelete, Path: "/v1/imports/{import}/planned-runs/{at}",
		Summary:       "Take a planned run back",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, func(ctx context.Context, in *cancelPlanInput) (*accepted, error) {
		return h.writeAndAwaitTaken(ctx, schemas.Command{ID: in.Key, Import: in.Import, Kind: schemas.CommandCancelRunAt, At: &in.At, Actor: in.Actor}, ConfirmQuery{})
	})
	huma.Register(api, huma.Operation{
		OperationID: "clone-import", Method: http.MethodPost, Path: "/v1/imports/{import}/clone",
		Summary:       "Copy an import's definition under another name, as a draft: nothing is sent until it is applied without spec.draft",
		DefaultStatus: http.StatusCreated,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.cloneImport)
}

func (h *handlers) startBackfill(ctx context.Context, in *backfillInput) (*runStarted, error) {
	from, to, refusal := h.backfilled(in.Import, in.Body.From, in.Body.To)
	if refusal != nil {
		return nil, refusal
	}
	return h.writeAndAwaitRun(ctx, schemas.Command{
		ID: in.Key, Import: in.Import, Kind: schemas.CommandBackfill, From: from, To: to, Actor: in.Actor,
	}, in.ConfirmQuery)
}

// backfilled is the span that a backfill reads, or why there is none to read.
func (h *handlers) backfilled(importName, from, to string) (low, high string, refusal *Problem) {
	if low, high, refusal = spanOf(from, to); refusal != nil {
		return "", "", refusal
	}
	if def, ok := h.Catalog.Import(importName); ok && def.Spec.Source.Cursor == nil && !def.Spec.Draft {
		return "", "", problem(http.StatusConflict, codeNoCursor, importName+" has no cursor, so no span of it can be read; tapline reset "+importName+" reads everything again")
	}
	return low, high, nil
}

// spanOf reads the bounds of a backfill.
func spanOf(from, to string) (low, high string, refusal *Problem) {
	low, err := schemas.ParseCursorInstant(from)
	if err != nil {
		return "", "", problem(http.StatusUnprocessableEntity, codeInvalidRequest, "from: "+err.Error())
	}
	if high, err = schemas.ParseCursorInstant(to); err != nil {
		return "", "", problem(http.StatusUnprocessableEntity, codeInvalidRequest, "to: "+err.Error())
	}
	switch {
	case strings.HasSuffix(low, "Z") != strings.HasSuffix(high, "Z"):
		return "", "", problem(http.StatusUnprocessableEntity, codeInvalidRequest, "write from and to both with a zone, as in 2026-11-01T00:00:00Z, or both without one")
	case low >= high:
		return "", "", problem(http.StatusUnprocessableEntity, codeInvalidRequest, "to is not after from, so there is nothing between them")
	}
	return low, high, nil
}

func (h *handlers) planRun(ctx context.Context, in *planRunInput) (*accepted, error) {
	if in.Body.At.Before(h.Now()) {
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, "at: "+in.Body.At.UTC().Format(time.RFC3339)+" has passed; tapline run "+in.Import+" runs it now")
	}
	return h.writeAndAwaitTaken(ctx, schemas.Command{ID: in.Key, Import: in.Import, Kind: schemas.CommandRunAt, At: &in.Body.At, Actor: in.Actor}, in.ConfirmQuery)
}

// writeAndAwaitTaken writes a command that starts no run, and waits until the scheduler
// has taken it.
func (h *handlers) writeAndAwaitTaken(ctx context.Context, cmd schemas.Command, agreed ConfirmQuery) (*accepted, error) {
	cmd = h.complete(ctx, cmd)
	if err := h.writeCommand(ctx, cmd, agreed); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.AnswerTimeout)
	defer cancel()
	for {
		changed := h.Catalog.Changed()
		switch answer := h.Catalog.ResultOf(cmd.Import, cmd.ID); {
		case answer.Refused != "":
			return nil, commandRefused(cmd, answer.Refused)
		case answer.Known:
			return acceptedOf(cmd), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, notTakenYet(cmd)
		}
	}
}

// notTakenYet is the answer while the scheduler is away: the command is in the log.
func notTakenYet(cmd schemas.Command) *Problem {
	return problem(http.StatusGatewayTimeout, codeNoAnswer,
		"the command is recorded but the scheduler has not taken it yet; is the scheduler running? "+
			"Ask again with Idempotency-Key "+cmd.ID+" to learn what became of it")
}

// commandRefused says why the scheduler has refused a command.
func commandRefused(cmd schemas.Command, why string) *Problem {
	name := cmd.Import
	switch why {
	case schemas.RefusedStopped:
		return problem(http.StatusConflict, codePaused, name+" is stopped, so nothing of it is started; tapline resume "+name+" lets it run again")
	case schemas.RefusedDraft:
		return isDraft(name)
	case schemas.RefusedOtherWindow:
		return problem(http.StatusConflict, codeOtherWindow, "a run of another span of "+name+" waits already, and one at most may wait; ask again when it has begun, or cancel it")
	case schemas.RefusedHasWatermark:
		return problem(http.StatusConflict, codeHasWatermark, name+" has a watermark, or its first run goes on, so it can no longer be told where to begin; tapline backfill "+name+" reads a span of it")
	case schemas.RefusedPlanFull:
		return problem(http.StatusConflict, codePlanFull, name+" has as many planned runs as it may have; take one back with tapline cancel "+name+" --at INSTANT")
	case schemas.RefusedRedefined:
		return redefined(name)
	case schemas.RefusedNotPlanned:
		return problem(http.StatusNotFound, codeNotFound, "no run of "+name+" is planned for that instant; tapline get imports -o json shows those that are")
	}
	return problem(http.StatusConflict, codePaused,
		name+" is paused, or stopped because its schedules have no further instant, so nothing of it is started; tapline resume "+name+" lets it run again")
}

func redefined(name string) *Problem {
	return problem(http.StatusConflict, codeRedefined, "another definition of "+name+" was applied while this was asked for, so nothing was started; ask again, and look at the plan anew")
}

func isDraft(name string) *Problem {
	return problem(http.StatusConflict, codeDraft, name+" is a draft and never runs; apply it without spec.draft when it is complete")
}

// draftRefuses refuses a command that a draft cannot obey.
func draftRefuses(def schemas.Definition, kind string) *Problem {
	if !def.Spec.Draft {
		return nil
	}
	switch kind {
	case schemas.CommandPause, schemas.CommandResume, schemas.CommandStop, schemas.CommandCancel, schemas.CommandCancelRunAt,
		schemas.CommandDecline, schemas.CommandDismiss, schemas.CommandDryRun:
		return nil
	}
	return isDraft(def.Metadata.Name)
}

// untriable says what a draft lacks before it can be tried by a dry run; nil if it lacks
// nothing, and for every other import.
func (h *handlers) untriable(ctx context.Context, name string) *Problem {
	def, ok := h.Catalog.Import(name)
	if !ok || !def.Spec.Draft {
		return nil
	}
	def.Spec.Draft = false
	raw, err := documentOf(def.Metadata, def.Spec)
	if err != nil {
		return problem(http.StatusInternalServerError, codeInternal, "the draft cannot be written as a document")
	}
	_, details := h.parse(ctx, []json.RawMessage{raw}, &definition.MappingCheck{})
	if len(details) == 0 {
		return nil
	}
	for i, d := range details {
		details[i].Location = strings.TrimPrefix(d.Location, "documents[0].")
	}
	p := problem(http.StatusConflict, codeDraft, name+" is a draft, and what errors names has to be there before a dry run can try it")
	p.Errors = details
	return p
}

// documentOf is an import as apply takes it.
func documentOf(metadata schemas.Metadata, spec schemas.ImportSpec) (json.RawMessage, error) {
	return json.Marshal(struct {
		APIVersion string             `json:"apiVersion"`
		Kind       string             `json:"kind"`
		Metadata   schemas.Metadata   `json:"metadata"`
		Spec       schemas.ImportSpec `json:"spec"`
	}{schemas.APIVersion, schemas.KindImport, metadata, spec})
}

// cloneImport applies a copy of a definition as a draft, so that nothing is sent by
// surprise. The copy has no state: made real, it reads everything as a new import does.
func (h *handlers) cloneImport(ctx context.Context, in *cloneInput) (*cloneOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	def, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	def.Spec.Draft = true
	raw, err := documentOf(schemas.Metadata{Name: in.Body.Name, Owner: def.Metadata.Owner, Labels: def.Metadata.Labels}, def.Spec)
	if err != nil {
		return nil, err
	}
	unlessTaken := func(changes []plan.Change) *Problem {
		if changes[0].Outcome != plan.Created {
			return problem(http.StatusConflict, codeInUse, "there is an import named "+in.Body.Name+" already; name another")
		}
		return nil
	}
	changes, err := h.apply(ctx, in.Actor, wanted{
		ChangeSet: ChangeSet{Documents: []json.RawMessage{raw}}, CheckQuery: CheckQuery{OfflineQuery: OfflineQuery{Offline: true}},
		like: in.Import, unless: unlessTaken,
	})
	if err != nil {
		return nil, err
	}
	return &cloneOutput{Location: "/v1/imports/" + in.Body.Name, ETag: etag(changes[0].Generation), Body: *changes[0].Import}, nil
}

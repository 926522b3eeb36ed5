package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/catalog"
)

// IdempotencyHeader makes a repeated request harmless.
type IdempotencyHeader struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"The same request with the same key changes nothing and gets the same answer, for a day; another request with it is refused (422), and so is a second one while the first is under way (409)"`
}

type runInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	ConfirmQuery
	From string `query:"from" maxLength:"64" doc:"Of a first run: where it begins in the order of the cursor, as in spec.source.cursor.initial; no later run reads what lies before it, until a reset"`
}

type commandInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
}

type cancelInput struct {
	RunPath
	ActorHeader
	IdempotencyHeader
}

type accepted struct {
	Location string `header:"Location"`
	Body     struct {
		Command string     `json:"command" doc:"The command's key"`
		Import  string     `json:"import"`
		Kind    string     `json:"kind"`
		At      *time.Time `json:"at,omitempty" doc:"Of a planned run"`
	}
}

type runStarted struct {
	Location string `header:"Location"`
	Key      string `header:"Idempotency-Key"`
	Body     schemas.Run
}

func (h *handlers) registerCommands(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "start-run", Method: http.MethodPost, Path: "/v1/imports/{import}/runs",
		Summary:       "Run an import now; while one runs, the next is queued, one at most; a paused or stopped import is refused; asks before the first run into a production account",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusPreconditionRequired, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.startRun)
	huma.Register(api, huma.Operation{
		OperationID: "cancel-run", Method: http.MethodPost, Path: "/v1/runs/{run}/cancel",
		Summary:       "Cancel a run: rows not yet sent are skipped and counted",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *cancelInput) (*accepted, error) {
		importName, err := h.importOfRun(ctx, in.Run)
		if err != nil {
			return nil, err
		}
		return h.command(ctx, schemas.Command{
			ID: in.Key, Import: importName, Kind: schemas.CommandCancel, Run: in.Run, Actor: in.Actor,
		})
	})
	h.registerDecisions(api)
	for kind, summary := range map[string]string{
		schemas.CommandPause:  "Pause an import: neither a schedule nor a person can start a run of it until it is resumed",
		schemas.CommandStop:   "Stop an import: the waiting run and the planned runs are cancelled, and nothing of it starts until it is resumed; the active run goes on to its end",
		schemas.CommandResume: "Resume a paused or stopped import, also one that is stopped because its schedules have no further instant",
	} {
		huma.Register(api, huma.Operation{
			OperationID: kind + "-import", Method: http.MethodPost, Path: "/v1/imports/{import}/" + kind,
			Summary:       summary,
			DefaultStatus: http.StatusAccepted,
			Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		}, func(ctx context.Context, in *commandInput) (*accepted, error) {
			return h.command(ctx, schemas.Command{ID: in.Key, Import: in.Import, Kind: kind, Actor: in.Actor})
		})
	}
}

// command writes a command that needs no confirmation and does not wait for the
// scheduler.
func (h *handlers) command(ctx context.Context, cmd schemas.Command) (*accepted, error) {
	return h.confirmed(ctx, cmd, ConfirmQuery{})
}

// confirmed writes a command, if its caller has agreed to what it needs, and does
// not wait for the scheduler.
func (h *handlers) confirmed(ctx context.Context, cmd schemas.Command, agreed ConfirmQuery) (*accepted, error) {
	cmd = h.complete(ctx, cmd)
	if err := h.writeCommand(ctx, cmd, agreed); err != nil {
		return nil, err
	}
	return acceptedOf(cmd), nil
}

func acceptedOf(cmd schemas.Command) *accepted {
	out := &accepted{Location: "/v1/imports/" + cmd.Import}
	if cmd.Run != "" {
		out.Location = "/v1/runs/" + cmd.Run
	}
	out.Body.Command, out.Body.Import, out.Body.Kind, out.Body.At = cmd.ID, cmd.Import, cmd.Kind, cmd.At
	return out
}

func (h *handlers) complete(ctx context.Context, cmd schemas.Command) schemas.Command {
	if cmd.ID == "" {
		cmd.ID = uuid.NewString()
	}
	cmd.Time = h.Now()
	cmd.Traceparent = telemetry.Traceparent(ctx)
	return cmd
}

// writeCommand writes a command once, if its caller has agreed to what it needs.
// The figures for a refusal are read outside the transaction, because other writers
// wait for it.
func (h *handlers) writeCommand(ctx context.Context, cmd schemas.Command, agreed ConfirmQuery) error {
	var unmet *need
	var waits *pending
	err := h.Transactions.Write(ctx, func(ctx context.Context) (records []*kafka.Record, err error) {
		unmet, waits = nil, nil
		def, ok := h.Catalog.Import(cmd.Import)
		if !ok {
			return nil, h.noImport(ctx, cmd.Import)
		}
		if refusal := draftRefuses(def, cmd.Kind); refusal != nil {
			return nil, refusal
		}
		if h.Catalog.ResultOf(cmd.Import, cmd.ID).Known {
			return nil, nil
		}
		if cmd.Generation != 0 && cmd.Generation != def.Generation {
			return nil, redefined(cmd.Import)
		}
		if n := h.needOf(cmd); !n.metBy(agreed) {
			unmet = &n
			return nil, nil
		}
		waits, records, err = h.approvalRecords(ctx, schemas.ApprovalSpec{
			Action: schemas.ApprovalCommand, Imports: h.guardedCommand(cmd), Command: &cmd, Confirm: agreed.Confirm,
		})
		if err != nil || waits != nil {
			return records, err
		}
		made, err := h.commandRecords(ctx, cmd)
		return append(records, made...), err
	})
	switch {
	case err != nil || waits != nil:
		return h.whyNotMade(ctx, err, waits)
	case unmet != nil:
		return h.confirmationRequired(ctx, cmd, *unmet)
	}
	return nil
}

// startRun writes the command and answers with the run that it became, which
// the scheduler's state says.
func (h *handlers) startRun(ctx context.Context, in *runInput) (*runStarted, error) {
	cmd := schemas.Command{ID: in.Key, Import: in.Import, Kind: schemas.CommandRun, Actor: in.Actor}
	if in.From != "" {
		var err error
		if cmd.From, err = schemas.ParseCursorInstant(in.From); err != nil {
			return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, "from: "+err.Error())
		}
		if def, ok := h.Catalog.Import(in.Import); ok && def.Spec.Source.Cursor == nil && !def.Spec.Draft {
			return nil, problem(http.StatusConflict, codeNoCursor, in.Import+" has no cursor, so its first run has nowhere to begin but at the beginning")
		}
		if def, _ := h.Catalog.Import(in.Import); def.Spec.Source.LateCheck {
			return nil, problem(http.StatusConflict, codeNoCursor, in.Import+" has lateCheck, which reads hours behind the watermark again; leave it out to say where the first run begins")
		}
		cmd.Kind = schemas.CommandRunFrom
	}
	return h.writeAndAwaitRun(ctx, cmd, in.ConfirmQuery)
}

func (h *handlers) awaitRun(ctx context.Context, cmd schemas.Command) (schemas.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, h.AnswerTimeout)
	defer cancel()
	for {
		changed := h.Catalog.Changed()
		answer := h.Catalog.ResultOf(cmd.Import, cmd.ID)
		switch {
		case answer.Refused != "":
			return schemas.Run{}, commandRefused(cmd, answer.Refused)
		case answer.Run != nil:
			return h.current(ctx, *answer.Run), nil
		case answer.Queued != nil:
			return h.queued(ctx, cmd.Import, answer), nil
		case answer.Known:
			return h.endedRun(ctx, cmd, answer)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return schemas.Run{}, notTakenYet(cmd)
		}
	}
}

// current returns the newest known record of a run: the projection's, or else what
// the state says.
func (h *handlers) current(ctx context.Context, active schemas.ActiveRun) schemas.Run {
	if run, ok, err := h.Projection.Run(ctx, active.Run); err == nil && ok {
		return run
	}
	importName, _, err := schemas.ParseRunID(active.Run)
	if err != nil {
		importName = ""
	}
	return schemas.Run{
		Run: active.Run, Import: importName, Mode: active.Mode, State: active.State,
		Attempt: active.Attempt, Epoch: active.Epoch, Cause: active.Cause, TraceID: active.TraceID,
		WatermarkFrom: active.WatermarkFrom, StartedAt: active.StartedAt,
		RejectsByCode: map[string]int64{}, SkippedByReason: map[string]int64{},
	}
}

// queued is a run that waits for the active one.
func (h *handlers) queued(ctx context.Context, importName string, a catalog.CommandResult) schemas.Run {
	id := schemas.RunID(importName, a.Number)
	if run, ok, err := h.Projection.Run(ctx, id); err == nil && ok {
		return run
	}
	return schemas.Run{
		Run: id, Import: importName, Mode: a.Queued.Mode, State: schemas.StateQueued, Cause: a.Queued.Cause,
		RejectsByCode: map[string]int64{}, SkippedByReason: map[string]int64{},
	}
}

// endedRun finds the run of a key when that run has ended: the run that was
// triggered with the key, or the newest run if the command had joined a run that
// was already queued.
func (h *handlers) endedRun(ctx context.Context, cmd schemas.Command, a catalog.CommandResult) (schemas.Run, error) {
	id, err := h.triggeredBy(ctx, cmd.Import, cmd.ID)
	if err != nil {
		return schemas.Run{}, h.kafkaFailed(ctx, err)
	}
	if refusal := notTaken(cmd); id == "" && refusal != nil {
		return schemas.Run{}, refusal
	}
	if id == "" {
		id = schemas.RunID(cmd.Import, a.Number)
	}
	return h.existingRun(ctx, id)
}

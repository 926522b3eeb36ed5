package api

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/verify"
)

// maxVerifyBody bounds a list of identities as JSON.
const maxVerifyBody = 2 << 20

// verificationInput has the identities in the body: URLs are written to logs and histories.
type verificationInput struct {
	ImportPath
	ActorHeader
	IdempotencyHeader
	Body struct {
		Rows       int      `json:"rows,omitempty" minimum:"1" maximum:"10000" default:"1000" doc:"How many rows, at random; more than the query gives looks at everybody"`
		Identities []string `json:"identities,omitempty" maxItems:"1000" doc:"These people in place of a random sample, by their identities as CleverTap gets them"`
	}
}

// Verification is what comparing an import with CleverTap has shown.
type Verification struct {
	Run        schemas.Run        `json:"run"`
	Type       string             `json:"type" enum:"profile,event" doc:"What the import makes; of events CleverTap's API tells the names and counts of a person's, and no properties"`
	Whole      bool               `json:"whole" doc:"Every row of the query was looked at"`
	Population int64              `json:"population" doc:"Rows that the query gives; with a list of identities, of these people"`
	People     VerifiedPeople     `json:"people"`
	Interval   *verify.Interval   `json:"interval,omitempty" doc:"The share of people who differ or are missing; absent if nobody was compared, and of a list of identities"`
	Properties []VerifiedProperty `json:"properties" doc:"By property, in the order of the mapping"`
	Rows       []Verified         `json:"rows" doc:"Everybody who is not equal"`
	Done       bool               `json:"done" doc:"False while it goes on, if it did not succeed, and an hour after it began"`
}

// VerifiedPeople counts people; of an import of events, people and event names.
type VerifiedPeople struct {
	Compared      int64 `json:"compared" doc:"Of whom CleverTap said what it holds, and something could be compared"`
	Equal         int64 `json:"equal" doc:"CleverTap holds what would be sent; of events, at least as many as the sample has"`
	Differs       int64 `json:"differs" doc:"CleverTap holds something else"`
	Missing       int64 `json:"missing" doc:"CleverTap has no such profile, or fewer such events"`
	NotComparable int64 `json:"notComparable" doc:"Nothing of them can be compared"`
	Unknown       int64 `json:"unknown" doc:"CleverTap did not say what it holds"`
	Older         int64 `json:"older,omitempty" doc:"Rows that are not the newest of their identity; they are not looked at"`
	Rejected      int64 `json:"rejected,omitempty" doc:"Rows that the mapping rejects, or leaves for a later run"`
	Suppressed    int64 `json:"suppressed,omitempty" doc:"Rows of people who must not be sent; they are not looked up"`
	Asked         int64 `json:"asked,omitempty" doc:"Identities that were asked for"`
	NotInSource   int64 `json:"notInSource,omitempty" doc:"Identities that were asked for and that the query does not give"`
}

// VerifiedProperty counts what became of one property.
type VerifiedProperty struct {
	Property      string `json:"property"`
	Equal         int64  `json:"equal"`
	Differs       int64  `json:"differs"`
	NotComparable int64  `json:"notComparable"`
	Reason        string `json:"reason,omitempty" doc:"Why it cannot be compared"`
}

// Verified is somebody for whom CleverTap does not hold what would be sent.
type Verified struct {
	Identity string         `json:"identity" doc:"As CleverTap gets it"`
	Result   string         `json:"result" enum:"differs,missing,notComparable,unknown" doc:"What comparing has shown"`
	Reason   string         `json:"reason,omitempty" doc:"Why nothing is known"`
	Values   []verify.Value `json:"values" doc:"The properties that are not equal; of an event, its name and count"`
	// Waits is said of rows that changed after the newest run had begun.
	Waits   bool   `json:"waits,omitempty" doc:"The row has changed since the newest run that succeeded began, so that the next one sends it"`
	Changed string `json:"changed,omitempty" doc:"The row's cursor as an instant of UTC"`
}

type verificationOutput struct{ Body Verification }

func (h *handlers) registerVerifications(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "start-verification", Method: http.MethodPost, Path: "/v1/imports/{import}/verifications",
		Summary:       "Compare rows, at random or of the people named, with what CleverTap holds of them; nothing is sent",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: maxVerifyBody,
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.startVerification)
	huma.Register(api, huma.Operation{
		OperationID: "get-verification", Method: http.MethodGet, Path: "/v1/verifications/{run}",
		Summary: "Read what a verification has shown, within an hour",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.getVerification)
	huma.Register(api, huma.Operation{
		OperationID: "start-repair", Method: http.MethodPost, Path: "/v1/verifications/{run}/repair",
		Summary:       "Read the people of a verification who differ or are missing from Snowflake again and send them, in a run of its own that moves neither the watermark nor the ledger; asks before it sends to a production account",
		DefaultStatus: http.StatusAccepted,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionRequired, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.startRepair)
}

func (h *handlers) startVerification(ctx context.Context, in *verificationInput) (*runStarted, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	def, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	if refusal := h.untriable(ctx, in.Import); refusal != nil {
		return nil, refusal
	}
	what := &schemas.Verify{}
	rows := in.Body.Rows
	if in.Body.Identities != nil {
		people, refusal := h.writePeople(ctx, in.Import, in.Body.Identities)
		if refusal != nil {
			return nil, refusal
		}
		what.People, what.Asked, rows = people.ID, len(people.Identities), schemas.MaxDryRunRows
	}
	return h.writeAndAwaitRun(ctx, schemas.Command{
		ID: in.Key, Import: in.Import, Kind: schemas.CommandDryRun, Rows: rows, Verify: what, Generation: def.Generation, Actor: in.Actor,
	}, ConfirmQuery{})
}

// writePeople writes a list of identities where it is kept for an hour at most.
func (h *handlers) writePeople(ctx context.Context, importName string, identities []string) (schemas.People, *Problem) {
	people := schemas.People{ID: uuid.NewString(), Import: importName}
	for i, identity := range identities {
		key := strings.Trim(identity, " ")
		if key == "" || utf8.RuneCountInString(key) > maxIdentity {
			return people, problem(http.StatusUnprocessableEntity, codeInvalidRequest, fmt.Sprintf("identities[%d]: an identity has 1 to 1,024 characters", i))
		}
		people.Identities = append(people.Identities, key)
	}
	slices.Sort(people.Identities)
	people.Identities = slices.Compact(people.Identities)
	if len(people.Identities) == 0 {
		return people, problem(http.StatusUnprocessableEntity, codeInvalidRequest, "identities: name at least one, or leave the list out for a random sample")
	}
	for part := range parts(people.Identities) {
		rec, err := control.Record(h.Topics.Lookups(), importName, importName, schemas.People{ID: people.ID, Import: importName, Identities: part}, schemas.EventPeople, source)
		if err == nil {
			err = h.Audit(ctx, rec)
		}
		if err != nil {
			return people, h.kafkaFailed(ctx, err)
		}
	}
	return people, nil
}

// parts cuts a list of identities into what one record may hold.
func parts(identities []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		from, size := 0, 0
		for i, identity := range identities {
			if size += len(identity) + 3; size > schemas.MaxPeopleBytes && i > from {
				if !yield(identities[from:i]) {
					return
				}
				from, size = i, len(identity)+3
			}
		}
		yield(identities[from:])
	}
}

type repairInput struct {
	RunPath
	ActorHeader
	IdempotencyHeader
	ConfirmQuery
}

func (h *handlers) startRepair(ctx context.Context, in *repairInput) (*runStarted, error) {
	importName, _, err := schemas.ParseRunID(in.Run)
	if err != nil || !schemas.IsDryRun(in.Run) {
		return nil, noVerification(in.Run)
	}
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	def, _ := h.Catalog.Import(importName)
	cmd := schemas.Command{ID: in.Key, Import: importName, Kind: schemas.CommandRepair, Generation: def.Generation, Actor: in.Actor, Repair: &schemas.Repair{Verification: in.Run}}
	// A request that is repeated because its answer was lost finds its run.
	if !h.Catalog.ResultOf(importName, in.Key).Known {
		refusal := h.whom(ctx, cmd.Repair)
		if refusal != nil {
			return nil, refusal
		}
	}
	return h.writeAndAwaitRun(ctx, cmd, in.ConfirmQuery)
}

// whom completes a repair with the people whom its verification has found.
func (h *handlers) whom(ctx context.Context, r *schemas.Repair) *Problem {
	nobody := func(why string) *Problem { return problem(http.StatusConflict, codeNothingToRepair, why) }
	state, ok := h.Catalog.State(r.Verification)
	switch {
	case !ok || state.Sample == nil || state.Sample.Verify == nil:
		return nobody(r.Verification + " is no verification of the last hour that has succeeded; tapline verify " + schemas.ImportOf(r.Verification) + " makes another one")
	case state.Sample.Spec.Destination.Type != schemas.TypeProfile:
		return nobody("the events of " + schemas.ImportOf(r.Verification) + " cannot be repaired: CleverTap does not tell which of them it holds, and would store a second time what it has; tapline backfill reads a span again")
	}
	_, identities, err := h.verified(ctx, state.Sample)
	if err != nil {
		return h.kafkaFailed(ctx, err)
	}
	if len(identities) == 0 {
		return nobody(r.Verification + " has found nobody for whom CleverTap does not hold what it should")
	}
	people, refusal := h.writePeople(ctx, schemas.ImportOf(r.Verification), identities)
	r.People, r.Selected = people.ID, int64(len(people.Identities))
	return refusal
}

func noVerification(id string) *Problem {
	return problem(http.StatusNotFound, codeNotFound, "there is no verification "+id+"; tapline verify IMPORT begins one, and says its name")
}

func (h *handlers) getVerification(ctx context.Context, in *RunPath) (*verificationOutput, error) {
	if !schemas.IsDryRun(in.Run) {
		return nil, noVerification(in.Run)
	}
	run, found, err := h.findRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, noVerification(in.Run)
	}
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	out := &verificationOutput{Body: Verification{Run: run, Properties: []VerifiedProperty{}, Rows: []Verified{}}}
	state, ok := h.Catalog.State(in.Run)
	if !ok || state.Sample == nil {
		if def, known := h.Catalog.Import(run.Import); known {
			out.Body.Type = def.Spec.Destination.Type
		}
		return out, nil // not over yet, failed, or its rows are gone
	}
	if state.Sample.Verify == nil {
		return nil, problem(http.StatusNotFound, codeNotFound, in.Run+" is a dry run and looked nobody up; tapline dryrun "+in.Run+" shows it")
	}
	if refusal := h.auditRead(ctx, "verification", in.Run); refusal != nil {
		return nil, refusal
	}
	v, _, err := h.verified(ctx, state.Sample)
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if refusal := h.addSent(ctx, run.Import, v.Rows); refusal != nil {
		return nil, refusal
	}
	v.Run, v.Done = run, true
	out.Body = v
	return out, nil
}

// answers are what CleverTap holds of the people of a verification, by the id of the row.
func (h *handlers) answers(ctx context.Context, s *schemas.Sample) (map[string]schemas.LookupAnswer, error) {
	tp := kafka.TP{Topic: h.Topics.LookupAnswers(), Partition: schemas.ControlPartition(s.Spec.Destination.AccountRef)}
	from, err := h.Partitions.OffsetAt(ctx, tp, s.TakenAt.Add(-sampleSlack))
	if err != nil {
		return nil, err
	}
	out := map[string]schemas.LookupAnswer{}
	_, err = h.Partitions.ReadTo(ctx, tp, from, func(r *kafka.Record) error {
		var a schemas.LookupAnswer
		if json.Unmarshal(r.Value, &a) != nil {
			return nil // of a version that this one cannot read
		}
		if id, ours := strings.CutPrefix(a.ID, s.Run+"/"); ours {
			out[id] = a
		}
		return nil
	})
	return out, err
}

// lastRunBegan is when the newest run began that succeeded in reading what has changed.
func (h *handlers) lastRunBegan(importName string) time.Time {
	state, _ := h.Catalog.State(importName)
	if state.LastSucceeded == nil {
		return time.Time{}
	}
	return state.LastSucceeded.StartedAt
}

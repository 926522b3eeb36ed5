package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/definition"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// maxBody bounds the body of an apply.
const maxBody = 8 << 20

// ActorHeader is exported, like every type that an input embeds, because huma
// fills no others. It says who asks, for the audit topic: protect overwrites it
// with the caller's proven name, so that what a client sends counts only where
// nobody signs in.
type ActorHeader struct {
	Actor string `header:"Tapline-Actor" maxLength:"200" doc:"Who asks; counts only where auth.mode is none"`
}

// Applied says what applying one document did.
type Applied struct {
	Kind       string   `json:"kind"`
	Name       string   `json:"name"`
	Outcome    string   `json:"outcome" enum:"created,updated,unchanged,removed"`
	Generation int      `json:"generation"`
	Note       string   `json:"note,omitempty" doc:"What to know about what is applied, such as what it does to the next run, or expressions that keep a former meaning"`
	Missing    []Detail `json:"missing,omitempty" doc:"Of a draft: what it lacks before it can be applied without spec.draft"`
}

// OfflineQuery says whether queries are checked against Snowflake.
type OfflineQuery struct {
	Offline bool `query:"offline" doc:"Apply without asking Snowflake whether the queries' columns fit"`
}

// CheckQuery says what is done about the check against Snowflake.
type CheckQuery struct {
	OfflineQuery
	CheckOnly bool `query:"checkOnly" doc:"Only report what apply would refuse"`
}

type applyInput struct {
	ActorHeader
	CheckQuery
	Body struct {
		ChangeSet
		Plan string `json:"plan,omitempty" maxLength:"64" doc:"Of the answer of /v1/plan: the request is refused if it would do anything else by now"`
	}
}

type appliedOutput struct {
	Body struct {
		Items []Applied `json:"items"`
	}
}

func (h *handlers) registerApply(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "apply", Method: http.MethodPost, Path: "/v1/apply",
		Summary:      "Apply a set of documents, all of them or none",
		MaxBodyBytes: maxBody,
		Errors:       []int{http.StatusUnprocessableEntity, http.StatusConflict, http.StatusPreconditionFailed, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *applyInput) (*appliedOutput, error) {
		changes, err := h.apply(ctx, in.Actor, wanted{ChangeSet: in.Body.ChangeSet, CheckQuery: in.CheckQuery, digest: in.Body.Plan})
		if err != nil {
			return nil, err
		}
		out := &appliedOutput{}
		out.Body.Items = []Applied{}
		for _, c := range changes {
			a := Applied{Kind: c.Kind, Name: c.Name, Outcome: c.Outcome, Generation: c.Generation}
			notes := notesOf(h.consequences(ctx, c))
			if c.Import != nil && c.Outcome != plan.Removed {
				if former := definition.FormerExpressions(*c.Import); former != "" {
					notes = append(notes, former)
				}
				if often := h.tooOften(*c.Import); often != "" && !c.Import.Spec.Draft {
					notes = append(notes, "its schedules stay in force as they are: "+often)
				}
			}
			a.Note, a.Missing = strings.Join(notes, "; "), detailsOf(c.Missing)
			out.Body.Items = append(out.Body.Items, a)
		}
		return out, nil
	})
}

// apply judges every document, asks Snowflake, then judges again, creates topics
// and writes everything in one transaction.
func (h *handlers) apply(ctx context.Context, actor string, w wanted) ([]plan.Change, error) {
	mappings := &definition.MappingCheck{}
	changes, refusal := h.plan(ctx, actor, w, mappings)
	if refusal != nil {
		return nil, refusal
	}
	if w.CheckOnly {
		return nil, nil
	}
	// Other writers wait while the transaction runs, so everything that takes long
	// is done before it.
	mappings.Done()
	var waits *pending
	var topics []string // that were made
	err := h.write(ctx, func(ctx context.Context) (records []*kafka.Record, err error) {
		var refusal *Problem
		waits = nil
		if _, changes, refusal = h.judge(ctx, w, mappings); refusal == nil {
			refusal = h.mayBeMade(ctx, w, changes)
		}
		if refusal != nil {
			return nil, refusal
		}
		waits, records, err = h.approvalRecords(ctx, schemas.ApprovalSpec{
			Action: schemas.ApprovalApply, Imports: h.guardedChanges(changes), Documents: w.Documents, Offline: w.Offline,
			ManagedBy: w.ManagedBy, Prune: w.Prune, DropUnknown: w.DropUnknown, Plan: plan.Digest(changes),
		})
		if err != nil || waits != nil {
			return records, err
		}
		some, refusal := h.makeTopics(ctx, changes)
		if topics = append(topics, some...); refusal != nil {
			return nil, refusal
		}
		made, err := h.recordsOf(ctx, actor, changes)
		return append(records, made...), err
	})
	if err != nil || waits != nil {
		return nil, namingTopics(h.whyNotMade(ctx, err, waits), topics)
	}
	return changes, nil
}

// plan judges a change set as it is now and asks Snowflake about its queries. It is
// done outside the transaction: it may take a while, and others want to apply too.
func (h *handlers) plan(ctx context.Context, actor string, w wanted, mappings *definition.MappingCheck) ([]plan.Change, *Problem) {
	if refusal := sourceOf(w.ManagedBy); refusal != nil {
		return nil, refusal
	}
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if !w.Offline {
		return h.check(ctx, actor, w, mappings)
	}
	_, changes, refusal := h.judge(ctx, w, mappings)
	if refusal == nil {
		refusal = h.mayChange(ctx, changes)
	}
	return changes, refusal
}

// mayBeMade refuses changes that the caller may not make, or that are no longer those
// that the caller has seen.
func (h *handlers) mayBeMade(ctx context.Context, w wanted, changes []plan.Change) *Problem {
	if refusal := h.mayChange(ctx, changes); refusal != nil {
		return refusal
	}
	if w.digest != "" && w.digest != plan.Digest(changes) {
		return problem(http.StatusPreconditionFailed, codeChanged,
			"nothing was applied: what is applied has been changed since the plan was made; plan again and look at what it says now")
	}
	if w.unless != nil {
		return w.unless(changes)
	}
	return nil
}

// notesOf are the consequences that whoever applies without a plan has to know.
func notesOf(said []Consequence) (texts []string) {
	for _, c := range said {
		if c.noted {
			texts = append(texts, c.Text)
		}
	}
	return texts
}

// recordsOf returns the records that make changes.
func (h *handlers) recordsOf(ctx context.Context, actor string, changes []plan.Change) (records []*kafka.Record, err error) {
	for _, c := range changes {
		if c.Outcome == plan.Unchanged {
			continue
		}
		made, err := h.changeRecords(ctx, actor, c)
		if err != nil {
			return nil, err
		}
		records = append(records, made...)
	}
	if len(records) > 0 {
		records = append(records, h.forgottenRecords()...)
	}
	return records, nil
}

// whyNotMade says why a change was not made: it failed, was refused, or waits for a
// second person.
func (h *handlers) whyNotMade(ctx context.Context, err error, waits *pending) error {
	if err == nil {
		return waits.problem()
	}
	return h.writeFailed(ctx, err)
}

// refused is the refusal of definitions.
func refused(details []Detail) *Problem {
	return problem(http.StatusUnprocessableEntity, codeRefused,
		"nothing was done: "+details[0].Location+": "+details[0].Message, details...)
}

// makeTopics creates the topics of every import in the changes, also of
// unchanged ones: applying again repairs a topic that somebody deleted. It returns those
// that were missing.
func (h *handlers) makeTopics(ctx context.Context, changes []plan.Change) ([]string, *Problem) {
	var specs []schemas.TopicSpec
	for _, c := range changes {
		if c.Import != nil && c.Outcome != plan.Removed && !c.Import.Spec.Draft {
			specs = append(specs, h.Topics.ImportTopics(c.Name, c.Import.Spec.Topic)...)
		}
	}
	if len(specs) == 0 {
		return nil, nil
	}
	made, err := h.MakeTopics(ctx, specs)
	if err != nil {
		return made, problem(http.StatusConflict, codeTopics,
			"nothing was applied: the topics of an import could not be made as its spec.topic says: "+err.Error())
	}
	return made, nil
}

// namedTopics bounds the topics that an answer names.
const namedTopics = 20

// namingTopics adds to the problem of an apply that failed which topics it had made. They
// stay: whether another replica uses one by now is not known.
func namingTopics(err error, topics []string) error {
	p, ok := errors.AsType[*Problem](err)
	if !ok || len(topics) == 0 {
		return err
	}
	named := strings.Join(topics[:min(len(topics), namedTopics)], ", ")
	if more := len(topics) - namedTopics; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	said := *p
	said.Detail += "; these topics were made and stay, so that the same apply goes on with them, or tapline topics prune removes them: " + named
	return &said
}

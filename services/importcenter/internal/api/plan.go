package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/definition"
	"tapline.dev/services/importcenter/internal/plan"
)

type planInput struct {
	ActorHeader
	OfflineQuery
	Body ChangeSet
}

// Plan is what an apply of the same change set would do.
type Plan struct {
	Plan     string          `json:"plan" doc:"Names what is planned: given to /v1/apply, that does this and nothing else"`
	Changes  []PlannedChange `json:"changes" doc:"In the order of the documents, resources first and removals last"`
	Warnings []PlanWarning   `json:"warnings" doc:"What is allowed, and is usually a mistake"`
	Refused  bool            `json:"refused,omitempty" doc:"Apply refuses it: the consequence that is refused says why"`
	Approval bool            `json:"approval,omitempty" doc:"Apply lets it wait for a second person"`
}

// PlannedChange is what is done to one definition.
type PlannedChange struct {
	Kind         string        `json:"kind"`
	Name         string        `json:"name"`
	Outcome      string        `json:"outcome" enum:"created,updated,unchanged,removed"`
	Generation   int           `json:"generation" doc:"The one that it gets"`
	Fields       []plan.Field  `json:"fields" doc:"What differs; of a removal, everything"`
	Consequences []Consequence `json:"consequences" doc:"What the change does to topics and to the next runs"`
}

// Consequence is what a change causes.
type Consequence struct {
	About    string        `json:"about" doc:"The part of the definition that causes it, such as query, mapping or topic"`
	Text     string        `json:"text"`
	Estimate *PlanEstimate `json:"estimate,omitempty" doc:"How much is sent, where anything tells"`
	Cost     *Cost         `json:"cost,omitempty" doc:"Of about cost: what its runs take at Snowflake, and a day at the planned schedules"`
	Refused  bool          `json:"refused,omitempty" doc:"Apply refuses the change for this"`
	// noted says that apply, too, answers with it.
	noted bool
}

// PlanEstimate is about how much the next run sends.
type PlanEstimate struct {
	Records int64   `json:"records"`
	Calls   int64   `json:"calls"`
	Seconds float64 `json:"seconds" doc:"At the account's slots and 0.2 s a call"`
	Source  string  `json:"source" doc:"Where the number of records comes from"`
}

// PlanWarning is about something that is allowed, and is usually a mistake.
type PlanWarning struct {
	Code    string   `json:"code" enum:"event_without_after,property_types_differ,names_alike,too_many_event_types,too_many_profile_properties,too_many_event_properties,schedule_short"`
	Account string   `json:"account,omitempty"`
	Imports []string `json:"imports"`
	Text    string   `json:"text"`
}

type planOutput struct{ Body Plan }

func (h *handlers) registerPlan(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "plan", Method: http.MethodPost, Path: "/v1/plan",
		Summary:      "Show what an apply of the same documents would change and cause; nothing is written",
		MaxBodyBytes: maxBody,
		Errors:       []int{http.StatusUnprocessableEntity, http.StatusConflict, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *planInput) (*planOutput, error) {
		w := wanted{ChangeSet: in.Body}
		w.Offline = in.Offline
		changes, refusal := h.plan(ctx, in.Actor, w, &definition.MappingCheck{})
		if refusal != nil {
			return nil, refusal
		}
		out, err := h.planned(ctx, changes)
		if err != nil {
			return nil, err
		}
		return &planOutput{Body: out}, nil
	})
}

// planned says what changes do.
func (h *handlers) planned(ctx context.Context, changes []plan.Change) (Plan, error) {
	out := Plan{Plan: plan.Digest(changes), Changes: []PlannedChange{}, Warnings: h.warnings(ctx, changes)}
	out.Approval = len(h.guardedChanges(changes)) > 0
	topics, err := h.topicChanges(ctx, changes)
	if err != nil {
		return out, h.kafkaFailed(ctx, err)
	}
	for _, c := range changes {
		p := PlannedChange{Kind: c.Kind, Name: c.Name, Outcome: c.Outcome, Generation: c.Generation, Fields: []plan.Field{}}
		p.Fields = append(p.Fields, plan.Fields(c)...)
		p.Consequences = append([]Consequence{}, topics[c.Name]...)
		if c.Import == nil {
			p.Consequences = p.Consequences[:0]
		}
		p.Consequences = append(p.Consequences, h.consequences(ctx, c)...)
		for _, consequence := range p.Consequences {
			out.Refused = out.Refused || consequence.Refused
		}
		out.Changes = append(out.Changes, p)
	}
	return out, nil
}

package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/nearest"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

// Approval is a change that waits for a second person.
type Approval struct {
	Name      string    `json:"name"`
	Action    string    `json:"action" doc:"apply, delete, approve, reset or backfill"`
	Imports   []string  `json:"imports"`
	Run       string    `json:"run,omitempty" doc:"The held run, of approve"`
	By        string    `json:"by" doc:"Who asked for it, and cannot approve it"`
	Role      string    `json:"role"`
	Since     time.Time `json:"since"`
	ExpiresAt time.Time `json:"expiresAt"`
	// Changes are in the answer about one approval only.
	Changes []ApprovalChange `json:"changes,omitempty" doc:"What an apply would do now; of a single approval only"`
}

// ApprovalChange is what one document of an apply does.
type ApprovalChange struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Outcome string `json:"outcome" enum:"created,updated,unchanged,removed"`
	Before  any    `json:"before,omitempty"`
	After   any    `json:"after,omitempty"`
}

// ApprovalPath names an approval in the path.
type ApprovalPath struct {
	Name string `path:"name" maxLength:"80" doc:"The approval's name, such as customers-1f2e3d4c"`
}

type (
	approvalInput struct {
		ApprovalPath
		ActorHeader
	}
	approvalOutput  struct{ Body Approval }
	approvalsOutput struct {
		Body struct {
			Items         []Approval `json:"items"`
			NextPageToken string     `json:"nextPageToken"`
		}
	}
)

func (h *handlers) registerApprovals(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-approvals", Method: http.MethodGet, Path: "/v1/approvals",
		Summary: "List the changes that wait for a second person",
		Errors:  []int{http.StatusServiceUnavailable},
	}, h.listApprovals)
	huma.Register(api, huma.Operation{
		OperationID: "get-approval", Method: http.MethodGet, Path: "/v1/approvals/{name}",
		Summary: "Read a change that waits for a second person, and what it would do now",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.getApproval)
	huma.Register(api, huma.Operation{
		OperationID: "approve-approval", Method: http.MethodPost, Path: "/v1/approvals/{name}/approve",
		Summary: "Approve and make a change that somebody else has asked for; needs the role that the change itself needs",
		Errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.approveApproval)
	huma.Register(api, huma.Operation{
		OperationID: "decline-approval", Method: http.MethodPost, Path: "/v1/approvals/{name}/decline",
		Summary:       "Decline a change that waits for a second person; whoever asked for it may do so too",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.declineApproval)
}

func approvalOf(name string, spec schemas.ApprovalSpec) Approval {
	a := Approval{
		Name: name, Action: spec.Action, Imports: slices.Sorted(maps.Keys(spec.Imports)),
		By: spec.By, Role: spec.Role, Since: spec.Since, ExpiresAt: spec.ExpiresAt,
	}
	if spec.Command != nil {
		a.Action, a.Run = spec.Command.Kind, spec.Command.Run
	}
	return a
}

// waiting returns the approvals that have not expired and all of whose imports the
// caller may see.
func (h *handlers) waiting(ctx context.Context) (out []Approval) {
	for _, r := range h.Catalog.Resources(schemas.KindApproval) {
		a := approvalOf(r.Metadata.Name, approvalSpec(r))
		if h.Now().Before(a.ExpiresAt) && h.reachesAll(ctx, a.Imports) {
			out = append(out, a)
		}
	}
	return out
}

func (h *handlers) reachesAll(ctx context.Context, imports []string) bool {
	return !slices.ContainsFunc(imports, func(name string) bool { return !h.reaches(ctx, name) })
}

func (h *handlers) listApprovals(ctx context.Context, _ *struct{}) (*approvalsOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	out := &approvalsOutput{}
	out.Body.Items = append([]Approval{}, h.waiting(ctx)...)
	return out, nil
}

// nearApproval names an approval with a similar name that the caller may see.
func (h *handlers) nearApproval(ctx context.Context, name string) string {
	near := nearest.Name(name, func(yield func(string) bool) {
		for _, a := range h.waiting(ctx) {
			if !yield(a.Name) {
				return
			}
		}
	})
	if near == "" {
		return ""
	}
	return " (there is " + near + ")"
}

// approval finds an approval, if the caller may see it.
func (h *handlers) approval(ctx context.Context, name string) (schemas.Resource, schemas.ApprovalSpec, *Problem) {
	r, ok := h.Catalog.Resource(schemas.KindApproval, name)
	spec := approvalSpec(r)
	if !ok || !h.Now().Before(spec.ExpiresAt) {
		return r, spec, problem(http.StatusNotFound, codeNotFound, "there is no approval named "+name+h.nearApproval(ctx, name)+": it was approved or declined, or it has expired; tapline approvals list shows those that wait")
	}
	for importName := range spec.Imports {
		if !h.reaches(ctx, importName) {
			return r, spec, outside(importName)
		}
	}
	return r, spec, nil
}

func (h *handlers) getApproval(ctx context.Context, in *ApprovalPath) (*approvalOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	_, spec, refusal := h.approval(ctx, in.Name)
	if refusal != nil {
		return nil, refusal
	}
	out := &approvalOutput{Body: approvalOf(in.Name, spec)}
	if len(spec.Documents) == 0 {
		return out, nil
	}
	set, _ := h.read(spec.Documents)
	for _, c := range h.changes(set, wantedBy(spec).ChangeSet) {
		if c.Import != nil && !h.reachesChange(ctx, c) {
			continue // it was unchanged when this was asked for, else the caller would not get here
		}
		change := ApprovalChange{Kind: c.Kind, Name: c.Name, Outcome: c.Outcome}
		switch {
		case c.Outcome == plan.Removed:
		case c.Import != nil:
			change.After = c.Import
		default:
			change.After = c.Resource
		}
		if c.Before != nil {
			change.Before = c.Before
		}
		out.Body.Changes = append(out.Body.Changes, change)
	}
	return out, nil
}

func (h *handlers) declineApproval(ctx context.Context, in *approvalInput) (*struct{}, error) {
	err := h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		r, _, refusal := h.approval(ctx, in.Name)
		if refusal != nil {
			return nil, refusal
		}
		return h.removalRecords(ctx, access.CallerOf(ctx).Name, schemas.KindApproval, in.Name, r.Spec)
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return nil, nil
}

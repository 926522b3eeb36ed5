package api

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// Freeze keeps uploads from being sent until it is removed.
type Freeze struct {
	Name     string            `json:"name" doc:"Names the freeze, for its removal"`
	Account  string            `json:"account,omitempty" doc:"The CleverTap account that is frozen; any if absent"`
	Selector *schemas.Selector `json:"selector,omitempty" doc:"The imports that are frozen; all of the account if absent"`
	Reason   string            `json:"reason,omitempty"`
	By       string            `json:"by"`
	Since    time.Time         `json:"since"`
	Imports  []string          `json:"imports" doc:"The imports that it holds now"`
}

type createFreezeInput struct {
	ActorHeader
	Body struct {
		Account  string            `json:"account,omitempty" maxLength:"63" doc:"Freeze this CleverTap account"`
		Selector *schemas.Selector `json:"selector,omitempty" doc:"Freeze these imports, by name or label"`
		Reason   string            `json:"reason,omitempty" maxLength:"500" doc:"Shown wherever the account or the imports are"`
	}
}

type freezeOutput struct{ Body Freeze }

type freezesOutput struct {
	Body struct {
		Items         []Freeze `json:"items"`
		NextPageToken string   `json:"nextPageToken"`
	}
}

func (h *handlers) registerFreezes(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-freezes", Method: http.MethodGet, Path: "/v1/freezes",
		Summary: "List freezes: what is not sent, who froze it, why and since when",
	}, h.listFreezes)
	huma.Register(api, huma.Operation{
		OperationID: "create-freeze", Method: http.MethodPost, Path: "/v1/freezes",
		Summary:       "Freeze an account or imports: within two seconds no loader starts an upload; runs wait and lose nothing",
		DefaultStatus: http.StatusCreated,
		Errors:        []int{http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.createFreeze)
	huma.Register(api, huma.Operation{
		OperationID: "delete-freeze", Method: http.MethodDelete, Path: "/v1/freezes/{name}",
		Summary:       "Remove a freeze: runs that it held continue",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.deleteFreeze)
}

func (h *handlers) listFreezes(context.Context, *struct{}) (*freezesOutput, error) {
	out := &freezesOutput{}
	out.Body.Items = []Freeze{}
	for _, r := range h.Catalog.Resources(schemas.KindFreeze) {
		out.Body.Items = append(out.Body.Items, h.freezeOf(r))
	}
	return out, nil
}

// freezeSpec reads a freeze. One that cannot be read holds everything, as the
// loaders hold it.
func freezeSpec(r schemas.Resource) schemas.FreezeSpec {
	var spec schemas.FreezeSpec
	if !decodeSpec(r.Spec, &spec) {
		return schemas.FreezeSpec{Reason: "its definition cannot be read; unfreeze it"}
	}
	return spec
}

func (h *handlers) freezeOf(r schemas.Resource) Freeze {
	spec := freezeSpec(r)
	f := Freeze{
		Name: r.Metadata.Name, Account: spec.Account, Selector: spec.Selector, Reason: spec.Reason, By: spec.By, Since: spec.Since,
		Imports: []string{},
	}
	for _, d := range h.Catalog.Imports() {
		if spec.Holds(d.Spec.Destination.AccountRef, d.Metadata) {
			f.Imports = append(f.Imports, d.Metadata.Name)
		}
	}
	return f
}

// frozenBy is the freeze that holds an import, or nil.
func (h *handlers) frozenBy(d schemas.Definition) *schemas.FrozenBy {
	for _, r := range h.Catalog.Resources(schemas.KindFreeze) {
		if f := freezeSpec(r); f.Holds(d.Spec.Destination.AccountRef, d.Metadata) {
			return &schemas.FrozenBy{Name: r.Metadata.Name, By: f.By, Reason: f.Reason, Since: f.Since}
		}
	}
	return nil
}

func (h *handlers) createFreeze(ctx context.Context, in *createFreezeInput) (*freezeOutput, error) {
	spec := schemas.FreezeSpec{
		Account: in.Body.Account, Selector: in.Body.Selector, Reason: in.Body.Reason, By: in.Actor, Since: h.Now().UTC().Truncate(time.Second),
	}
	if refusal := h.badFreeze(spec); refusal != nil {
		return nil, refusal
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, h.fail(ctx, codeInternal, "the freeze could not be made", err)
	}
	var resource schemas.Resource
	err = h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		name, now := h.nameOfFreeze(spec)
		if now != nil {
			resource = *now // the same freeze exists: keep who made it first, and since when
			return nil, nil
		}
		resource = schemas.Resource{
			APIVersion: schemas.APIVersion, Kind: schemas.KindFreeze, Metadata: schemas.Metadata{Name: name}, Spec: raw,
			Generation: 1, AppliedAt: h.Now(),
		}
		record, err := h.resourceRecord(schemas.KindFreeze, name, resource)
		if err != nil {
			return nil, err
		}
		audit, err := h.auditRecord(ctx, schemas.AuditEntry{
			Actor: in.Actor, Action: schemas.AuditApply, Kind: schemas.KindFreeze, Name: name,
		}, spec)
		return []*kafka.Record{record, audit}, err
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return &freezeOutput{Body: h.freezeOf(resource)}, nil
}

// badFreeze refuses a freeze that would hold nothing, so that its maker knows at
// once, and one that would hold more than was meant.
func (h *handlers) badFreeze(spec schemas.FreezeSpec) *Problem {
	refuse := func(detail string) *Problem {
		return problem(http.StatusUnprocessableEntity, codeInvalidRequest, detail)
	}
	if spec.Account == "" && (spec.Selector == nil || len(spec.Selector.Names)+len(spec.Selector.Labels) == 0) {
		return refuse("name an account, or a selector with names or labels of imports")
	}
	if spec.Selector != nil {
		for _, name := range spec.Selector.Names {
			if _, err := path.Match(name, ""); err != nil {
				return refuse("the selector's name " + name + " is not a valid pattern")
			}
		}
	}
	if spec.Account != "" {
		if _, ok := h.Catalog.Resource(schemas.KindCleverTapAccount, spec.Account); !ok {
			return refuse("there is no CleverTap account named " + spec.Account)
		}
	}
	if spec.Selector != nil && !slices.ContainsFunc(h.Catalog.Imports(), func(d schemas.Definition) bool {
		return spec.Holds(d.Spec.Destination.AccountRef, d.Metadata)
	}) {
		return refuse("no import is selected")
	}
	return nil
}

func (h *handlers) deleteFreeze(ctx context.Context, in *freezePath) (*struct{}, error) {
	err := h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		before, ok := h.Catalog.Resource(schemas.KindFreeze, in.Name)
		if !ok {
			return nil, noneNamed("freeze", in.Name, h.namesOf(schemas.KindFreeze))
		}
		return h.removalRecords(ctx, access.CallerOf(ctx).Name, schemas.KindFreeze, in.Name, before.Spec)
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return nil, nil
}

type freezePath struct {
	Name string `path:"name" maxLength:"400" doc:"The freeze's name"`
}

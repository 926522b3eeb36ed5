package api

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/nearest"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// ResourcePath names a resource in the path.
type ResourcePath struct {
	Name string `path:"name" maxLength:"63" example:"warehouse" doc:"The resource's metadata.name"`
}

type deleteResourceInput struct {
	ResourcePath
	ActorHeader
	IfMatchHeader
}

type putResourceInput struct {
	ResourcePath
	ActorHeader
	ConditionHeaders
	Body json.RawMessage
}

type patchResourceInput struct {
	ResourcePath
	ActorHeader
	IfMatchHeader
	Body json.RawMessage `contentType:"application/merge-patch+json"`
}

type resourceOutput struct {
	ETag string `header:"ETag"`
	Body schemas.Resource
}

type resourcesOutput struct {
	Body struct {
		Items         []schemas.Resource `json:"items"`
		NextPageToken string             `json:"nextPageToken"`
	}
}

// registerResources gives every kind of resource the same operations.
// Their secrets are references, so showing them shows none.
func (h *handlers) registerResources(api huma.API) {
	for kind, plural := range schemas.ResourceKinds {
		huma.Register(api, huma.Operation{
			OperationID: "list-" + plural, Method: http.MethodGet, Path: "/v1/" + plural,
			Summary: "List " + plural,
		}, func(context.Context, *struct{}) (*resourcesOutput, error) {
			out := &resourcesOutput{}
			out.Body.Items = append([]schemas.Resource{}, h.Catalog.Resources(kind)...)
			return out, nil
		})
		huma.Register(api, huma.Operation{
			OperationID: "get-" + plural, Method: http.MethodGet, Path: "/v1/" + plural + "/{name}",
			Summary: "Read one of the " + plural,
			Errors:  []int{http.StatusNotFound},
		}, func(_ context.Context, in *ResourcePath) (*resourceOutput, error) {
			r, ok := h.Catalog.Resource(kind, in.Name)
			if !ok {
				return nil, h.noResource(kind, in.Name)
			}
			return &resourceOutput{ETag: resourceETag(r), Body: r}, nil
		})
		h.registerResourceChanges(api, kind, plural)
	}
}

// registerResourceChanges gives a kind of resources the operations that write it.
func (h *handlers) registerResourceChanges(api huma.API, kind, plural string) {
	huma.Register(api, huma.Operation{
		OperationID: "put-" + plural, Method: http.MethodPut, Path: "/v1/" + plural + "/{name}",
		Summary: "Create or change one of the " + plural, MaxBodyBytes: maxBody,
		Errors: changeErrors,
	}, func(ctx context.Context, in *putResourceInput) (*resourceOutput, error) {
		return resourceChanged(h.put(ctx, in.Actor, in.Body, putting{kind, in.Name, true, in.ConditionHeaders}))
	})
	huma.Register(api, huma.Operation{
		OperationID: "patch-" + plural, Method: http.MethodPatch, Path: "/v1/" + plural + "/{name}",
		Summary: "Change parts of one of the " + plural + ", by a JSON merge patch (RFC 7396)", MaxBodyBytes: maxBody,
		Errors: append([]int{http.StatusNotFound}, changeErrors...),
	}, func(ctx context.Context, in *patchResourceInput) (*resourceOutput, error) {
		before, ok := h.Catalog.Resource(kind, in.Name)
		if !ok {
			return nil, h.noResource(kind, in.Name)
		}
		return resourceChanged(h.patch(ctx, in.Actor, writtenResource(before), in.Body, putting{kind, in.Name, true, in.conditions()}))
	})
	huma.Register(api, huma.Operation{
		OperationID: "delete-" + plural, Method: http.MethodDelete, Path: "/v1/" + plural + "/{name}",
		Summary:       "Delete one of the " + plural + " that no import names",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *deleteResourceInput) (*struct{}, error) {
		return nil, h.deleteResource(ctx, kind, in)
	})
}

// resourceChanged is the answer to a change of one resource.
func resourceChanged(changes []plan.Change, err error) (*resourceOutput, error) {
	if err != nil {
		return nil, err
	}
	r := *changes[0].Resource
	return &resourceOutput{ETag: resourceETag(r), Body: r}, nil
}

func (h *handlers) noResource(kind, name string) *Problem {
	return noneNamed(kind, name, h.namesOf(kind))
}

func (h *handlers) namesOf(kind string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, r := range h.Catalog.Resources(kind) {
			if !yield(r.Metadata.Name) {
				return
			}
		}
	}
}

// noneNamed says that there is nothing of a kind under a name, with the nearest name
// among those that the caller may list.
func noneNamed(kind, name string, known iter.Seq[string]) *Problem {
	return problem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no %s named %s%s", kind, name, nearest.Question(name, known)))
}

func (h *handlers) deleteResource(ctx context.Context, kind string, in *deleteResourceInput) error {
	if refusal := in.required(); refusal != nil {
		return refusal
	}
	err := h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		before, ok := h.Catalog.Resource(kind, in.Name)
		if !ok {
			return nil, h.noResource(kind, in.Name)
		}
		if refusal := in.conditions().unmet("the "+kind+" "+in.Name, resourceETag(before)); refusal != nil {
			return nil, refusal
		}
		if refusal := managedRefusal(kind, in.Name, before.ManagedBy, nil); refusal != nil {
			return nil, refusal
		}
		if users := h.Catalog.Referring(kind, in.Name); len(users) > 0 {
			return nil, problem(http.StatusConflict, codeInUse,
				"imports still name it: "+strings.Join(users, ", ")+"; change or delete them first")
		}
		raw, err := json.Marshal(before)
		if err == nil {
			raw, err = h.whole(kind, in.Name, raw)
		}
		if err != nil {
			return nil, err
		}
		return h.removalRecords(ctx, in.Actor, kind, in.Name, raw)
	})
	if err != nil {
		return h.writeFailed(ctx, err)
	}
	return nil
}

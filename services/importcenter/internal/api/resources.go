package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// ResourcePath names a resource in the path.
type ResourcePath struct {
	Name string `path:"name" maxLength:"63" example:"warehouse" doc:"The resource's metadata.name"`
}

type deleteResourceInput struct {
	ResourcePath
	ActorHeader
}

type resourceOutput struct {
	Body schemas.Resource
}

type resourcesOutput struct {
	Body struct {
		Items         []schemas.Resource `json:"items"`
		NextPageToken string             `json:"nextPageToken"`
	}
}

// registerResources gives connections, accounts and defaults the same three
// operations; they are written by apply. Their secrets are references, so
// showing them shows none.
func (h *handlers) registerResources(api huma.API) {
	for kind, plural := range map[string]string{
		schemas.KindSnowflakeConnection: "connections",
		schemas.KindCleverTapAccount:    "accounts",
		schemas.KindImportDefaults:      "defaults",
	} {
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
				return nil, noResource(kind, in.Name)
			}
			return &resourceOutput{Body: r}, nil
		})
		huma.Register(api, huma.Operation{
			OperationID: "delete-" + plural, Method: http.MethodDelete, Path: "/v1/" + plural + "/{name}",
			Summary:       "Delete one of the " + plural + " that no import names",
			DefaultStatus: http.StatusNoContent,
			Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		}, func(ctx context.Context, in *deleteResourceInput) (*struct{}, error) {
			return nil, h.deleteResource(ctx, kind, in)
		})
	}
}

func noResource(kind, name string) *Problem {
	return problem(http.StatusNotFound, codeNotFound, fmt.Sprintf("there is no %s named %s", kind, name))
}

func (h *handlers) deleteResource(ctx context.Context, kind string, in *deleteResourceInput) error {
	err := h.Transactions.Write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		before, ok := h.Catalog.Resource(kind, in.Name)
		if !ok {
			return nil, noResource(kind, in.Name)
		}
		if users := h.Catalog.Referring(kind, in.Name); len(users) > 0 {
			return nil, problem(http.StatusConflict, codeInUse,
				"imports still name it: "+strings.Join(users, ", ")+"; change or delete them first")
		}
		raw, err := json.Marshal(before)
		if err != nil {
			return nil, err
		}
		return h.removalRecords(ctx, in.Actor, kind, in.Name, raw)
	})
	if err == nil {
		err = h.View.ReadToEnd(ctx)
	}
	if err != nil {
		return h.writeFailed(ctx, err)
	}
	return nil
}

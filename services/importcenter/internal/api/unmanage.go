package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

type unmanageResourceInput struct {
	ResourcePath
	ActorHeader
}

type unmanageImportInput struct {
	ImportPath
	ActorHeader
}

func (h *handlers) registerUnmanage(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "unmanage-import", Method: http.MethodPost, Path: "/v1/imports/{import}/unmanage",
		Summary: "Take off the mark that an import comes from somewhere else: it may be changed here again",
		Errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *unmanageImportInput) (*appliedImportOutput, error) {
		if err := h.unmanage(ctx, in.Actor, schemas.KindImport, in.Import); err != nil {
			return nil, err
		}
		return h.getImport(ctx, &in.ImportPath)
	})
	for kind, plural := range schemas.ResourceKinds {
		huma.Register(api, huma.Operation{
			OperationID: "unmanage-" + plural, Method: http.MethodPost, Path: "/v1/" + plural + "/{name}/unmanage",
			Summary: "Take off the mark that one of the " + plural + " comes from somewhere else",
			Errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		}, func(ctx context.Context, in *unmanageResourceInput) (*resourceOutput, error) {
			if err := h.unmanage(ctx, in.Actor, kind, in.Name); err != nil {
				return nil, err
			}
			r, ok := h.Catalog.Resource(kind, in.Name)
			if !ok {
				return nil, h.noResource(kind, in.Name)
			}
			return &resourceOutput{ETag: resourceETag(r), Body: r}, nil
		})
	}
}

// unmanage takes the mark off a definition, which is a change like any other: it makes a
// generation, and the audit says who did it. A definition without a mark stays as it is.
func (h *handlers) unmanage(ctx context.Context, actor, kind, name string) error {
	err := h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		if kind == schemas.KindImport {
			return h.unmanageImport(ctx, actor, name)
		}
		before, ok := h.Catalog.Resource(kind, name)
		if !ok {
			return nil, h.noResource(kind, name)
		}
		if before.ManagedBy == nil {
			return nil, nil
		}
		after := before
		after.ManagedBy, after.Generation, after.AppliedAt = nil, before.Generation+1, h.Now()
		return h.markRecords(ctx, actor, plan.Change{Kind: kind, Name: name, Generation: after.Generation, Resource: &after}, before)
	})
	if err != nil {
		return h.writeFailed(ctx, err)
	}
	return nil
}

func (h *handlers) unmanageImport(ctx context.Context, actor, name string) ([]*kafka.Record, error) {
	before, ok := h.Catalog.Import(name)
	if !ok {
		return nil, h.noImport(ctx, name)
	}
	if before.ManagedBy == nil {
		return nil, nil
	}
	after := before
	after.ManagedBy, after.Generation, after.AppliedAt = nil, before.Generation+1, h.Now()
	return h.markRecords(ctx, actor, plan.Change{Kind: schemas.KindImport, Name: name, Generation: after.Generation, Import: &after}, before)
}

// markRecords are the records of a definition that has lost its mark.
func (h *handlers) markRecords(ctx context.Context, actor string, c plan.Change, before any) (records []*kafka.Record, err error) {
	c.Outcome, c.Unknown = plan.Updated, h.Catalog.Unknown(c.Kind, c.Name)
	if c.Before, err = json.Marshal(before); err != nil {
		return nil, err
	}
	return h.recordsOf(ctx, actor, []plan.Change{c})
}

package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

// ImportPath names an import in the path.
type ImportPath struct {
	Import string `path:"import" maxLength:"63" example:"customers" doc:"The import's metadata.name"`
}

type importOutput struct {
	ETag string `header:"ETag"`
	Body schemas.Definition
}

// AppliedImport is a definition, and of a draft what it lacks.
type AppliedImport struct {
	schemas.Definition
	Missing []schemas.Lack `json:"missing,omitempty" doc:"Of a draft: what it lacks before it can be applied without spec.draft"`
}

type appliedImportOutput struct {
	ETag string `header:"ETag"`
	Body AppliedImport
}

type putImportInput struct {
	ImportPath
	ActorHeader
	OfflineQuery
	ConditionHeaders
	Body json.RawMessage
}

type patchImportInput struct {
	ImportPath
	ActorHeader
	OfflineQuery
	IfMatchHeader
	Body json.RawMessage `contentType:"application/merge-patch+json"`
}

type listImportsInput struct {
	ImportFilter
	Sort      string `query:"sort" default:"name" enum:"name,-name,nickname,-nickname,partner,-partner,status,-status,type,-type,frequency,-frequency,health,-health,datasource,-datasource,owner,-owner,createdBy,-createdBy,updatedBy,-updatedBy,created,-created,updated,-updated,lastRun,-lastRun,nextRun,-nextRun,freshness,-freshness" doc:"By which column; with - downwards. health sorts the most urgent first"`
	Recent    int    `query:"recent" minimum:"0" maximum:"20" doc:"With so many of the newest runs of each row"`
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"1000" doc:"How many at most; all of them if absent"`
	PageToken string `query:"pageToken" maxLength:"2000" doc:"nextPageToken of the page before; the first page if absent"`
}

type listingsOutput struct {
	SourceHeader
	Body struct {
		Items         []schemas.Listing `json:"items"`
		NextPageToken string            `json:"nextPageToken"`
		Total         int               `json:"total" doc:"Imports that the caller may see, whatever the filters"`
	}
}

func (h *handlers) registerImports(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-imports", Method: http.MethodGet, Path: "/v1/imports",
		Summary: "List imports with their newest run and their next",
		Errors:  []int{http.StatusBadRequest, http.StatusServiceUnavailable},
	}, h.listImports)
	huma.Register(api, huma.Operation{
		OperationID: "get-import", Method: http.MethodGet, Path: "/v1/imports/{import}",
		Summary: "Read an import's definition as applied",
		Errors:  []int{http.StatusNotFound},
	}, h.getImport)
	huma.Register(api, huma.Operation{
		OperationID: "put-import", Method: http.MethodPut, Path: "/v1/imports/{import}",
		Summary: "Create an import or change it", MaxBodyBytes: maxBody,
		Errors: changeErrors,
	}, h.putImport)
	huma.Register(api, huma.Operation{
		OperationID: "patch-import", Method: http.MethodPatch, Path: "/v1/imports/{import}",
		Summary: "Change parts of an import, by a JSON merge patch (RFC 7396) of its definition", MaxBodyBytes: maxBody,
		Errors: append([]int{http.StatusNotFound}, changeErrors...),
	}, h.patchImport)
	huma.Register(api, huma.Operation{
		OperationID: "delete-import", Method: http.MethodDelete, Path: "/v1/imports/{import}",
		Summary: "Delete an import, and keep or remove its topics; refused while a run is active unless that is to be cancelled",
		Errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.deleteImport)
}

func (h *handlers) listImports(ctx context.Context, in *listImportsInput) (*listingsOutput, error) {
	rows, source := h.listings(ctx)
	total := len(rows)
	page, next, refusal := in.paged(rows)
	if refusal != nil {
		return nil, refusal
	}
	h.addProgress(ctx, page)
	h.addMissing(ctx, page)
	if in.Recent > 0 {
		h.addRecent(ctx, page, in.Recent)
	}
	out := &listingsOutput{SourceHeader: SourceHeader{source}}
	out.Body.Items, out.Body.NextPageToken, out.Body.Total = page, next, total
	return out, nil
}

func (h *handlers) getImport(ctx context.Context, in *ImportPath) (*appliedImportOutput, error) {
	d, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	return &appliedImportOutput{ETag: etag(d.Generation), Body: AppliedImport{d, h.missing(ctx, d)}}, nil
}

// addMissing adds to drafts what they lack.
func (h *handlers) addMissing(ctx context.Context, rows []schemas.Listing) {
	for i := range rows {
		if d, ok := h.Catalog.Import(rows[i].Import); ok {
			rows[i].Missing = h.missing(ctx, d)
		}
	}
}

func (h *handlers) putImport(ctx context.Context, in *putImportInput) (*importOutput, error) {
	changes, err := h.put(ctx, in.Actor, in.Body, putting{schemas.KindImport, in.Import, in.Offline, in.ConditionHeaders})
	if err != nil {
		return nil, err
	}
	return &importOutput{ETag: etag(changes[0].Generation), Body: *changes[0].Import}, nil
}

func (h *handlers) patchImport(ctx context.Context, in *patchImportInput) (*importOutput, error) {
	before, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	written := writtenImport(before)
	changes, err := h.patch(ctx, in.Actor, written, in.Body, putting{schemas.KindImport, in.Import, in.Offline, in.conditions()})
	if err != nil {
		return nil, err
	}
	return &importOutput{ETag: etag(changes[0].Generation), Body: *changes[0].Import}, nil
}

package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rejects"
)

// scanLimit bounds how much of the log one page looks at.
const scanLimit = 200_000

const ndjson = "application/x-ndjson"

type listRejectsInput struct {
	Accept    string `header:"Accept" doc:"application/x-ndjson streams all of them, a line each"`
	Import    string `query:"import" doc:"The import; may be left out when run is given"`
	Run       string `query:"run" doc:"Only rejects of this run"`
	Code      string `query:"code" doc:"Only rejects with this code"`
	Stage     string `query:"stage" doc:"Only rejects of this stage"`
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
	PageToken string `query:"pageToken" doc:"nextPageToken of the page before; the first page if absent"`
}

type rejectsPage struct {
	Items         []schemas.Reject `json:"items"`
	NextPageToken string           `json:"nextPageToken"`
}

// pageOrLines documents an answer that is a page, or everything as a line each.
func pageOrLines[Page, Item any](api huma.API) map[string]*huma.Response {
	registry := api.OpenAPI().Components.Schemas
	return map[string]*huma.Response{"200": {
		Description: "A page as JSON, or everything as NDJSON",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(reflect.TypeFor[Page](), true, "")},
			ndjson:             {Schema: registry.Schema(reflect.TypeFor[Item](), true, "")},
		},
	}}
}

func (h *handlers) registerRejects(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-rejects", Method: http.MethodGet, Path: "/v1/rejects",
		Summary:   "List rejected rows with their reasons, newest first",
		Errors:    []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
		Responses: pageOrLines[rejectsPage, schemas.Reject](api),
	}, h.listRejects)
}

func (h *handlers) listRejects(ctx context.Context, in *listRejectsInput) (*huma.StreamResponse, error) {
	query, err := rejectQuery(in)
	if err != nil {
		return nil, err
	}
	if refusal := h.auditRead(ctx, "rejects", cmp.Or(query.Run, query.Import)); refusal != nil {
		return nil, refusal
	}
	if strings.Contains(in.Accept, ndjson) {
		return &huma.StreamResponse{Body: func(c huma.Context) { h.streamRejects(c, query) }}, nil
	}
	query.Scan = scanLimit
	page := rejectsPage{Items: []schemas.Reject{}}
	next, err := rejects.Walk(ctx, h.Partitions, h.Topics.RejectsOf(query.Run), query, func(r schemas.Reject) error {
		page.Items = append(page.Items, r)
		if len(page.Items) == in.PageSize {
			return rejects.ErrStop
		}
		return nil
	})
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if _, ok := h.Catalog.Import(query.Import); !ok && len(page.Items) == 0 && next <= 0 {
		return nil, h.noImport(ctx, query.Import)
	}
	if next > 0 {
		page.NextPageToken = strconv.FormatInt(next, 10)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/json")
		// The reader is gone if this fails; nobody is left to tell.
		_ = json.NewEncoder(c.BodyWriter()).Encode(page)
	}}, nil
}

func rejectQuery(in *listRejectsInput) (rejects.Query, error) {
	q := rejects.Query{Import: in.Import, Run: in.Run, Code: in.Code, Stage: in.Stage}
	if in.Run != "" {
		importName, _, err := schemas.ParseRunID(in.Run)
		if err != nil {
			return q, problem(http.StatusBadRequest, codeInvalidRequest, err.Error())
		}
		if in.Import != "" && in.Import != importName {
			return q, problem(http.StatusBadRequest, codeInvalidRequest, "run "+in.Run+" is not a run of "+in.Import)
		}
		q.Import = importName
	}
	if q.Import == "" {
		return q, problem(http.StatusBadRequest, codeInvalidRequest, "name the import or the run whose rejects are wanted")
	}
	if in.PageToken != "" {
		offset, err := strconv.ParseInt(in.PageToken, 10, 64)
		if err != nil || offset < 1 {
			return q, problem(http.StatusBadRequest, codeInvalidRequest,
				"pageToken is the nextPageToken of the page before, unchanged")
		}
		q.Before = offset
	}
	return q, nil
}

func (h *handlers) streamRejects(c huma.Context, query rejects.Query) {
	h.stream(c, func(write func(any) error) error {
		_, err := rejects.Walk(c.Context(), h.Partitions, h.Topics.RejectsOf(query.Run), query, func(r schemas.Reject) error { return write(r) })
		return err
	})
}

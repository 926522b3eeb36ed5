package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rejects"
)

// scanLimit bounds how much of the log one page of a dry run's failed checks looks at.
const scanLimit = 200_000

const ndjson = "application/x-ndjson"

// rejectIndex answers questions about the rejects topic.
type rejectIndex interface {
	Page(ctx context.Context, s rejects.Selection, oldestFirst bool, beyond int64, limit int) ([]rejects.Item, int64, rejects.Completeness, error)
	CountBy(ctx context.Context, s rejects.Selection, by ...rejects.By) ([]rejects.Group, rejects.Completeness, error)
	EachItem(ctx context.Context, s rejects.Selection, fn func(rejects.Item) error) (rejects.Completeness, error)
	Each(ctx context.Context, s rejects.Selection, fn func(schemas.RejectRef, schemas.Reject) error) error
}

type listRejectsInput struct {
	Accept string `header:"Accept" doc:"application/x-ndjson streams all of them, a line each"`
	RejectFilters
	Order     string `query:"order" enum:"newest,oldest" default:"newest" doc:"Which come first"`
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
	PageToken string `query:"pageToken" doc:"nextPageToken of the page before; the first page if absent"`
}

// Reject is a reject with what has become of it.
type Reject struct {
	schemas.Reject
	Ref           *schemas.RejectRef `json:"ref,omitempty" doc:"Names the reject by its partition and offset in the rejects topic; absent for a dry run"`
	State         string             `json:"state,omitempty" enum:"open,replaying,replayed,dismissed" doc:"What has become of it; absent for a dry run"`
	ReplayedBy    string             `json:"replayedBy,omitempty" doc:"The run that took it last"`
	RejectedAgain bool               `json:"rejectedAgain,omitempty" doc:"A replay has rejected its row again"`
}

// Coverage says how much of the rejects topic an answer is made from.
type Coverage struct {
	Complete    bool       `json:"complete" doc:"It covers every reject that there was at the request; false while the index is built"`
	Share       float64    `json:"share" doc:"How much of what the topic holds is covered, from 0 to 1"`
	IndexedUpTo int64      `json:"indexedUpTo,omitempty" doc:"The offset of the import's partition below which it covers everything"`
	Why         string     `json:"why,omitempty" doc:"Why the index does not advance; absent if it does"`
	From        *time.Time `json:"from,omitempty" doc:"Older rejects are no longer kept; absent if all are"`
}

func coverageOf(how rejects.Completeness) Coverage {
	return Coverage{Complete: how.Complete, Share: how.Share, IndexedUpTo: max(how.IndexedUpTo, 0), Why: how.Why, From: how.From}
}

type rejectsPage struct {
	Items         []Reject `json:"items"`
	NextPageToken string   `json:"nextPageToken"`
	Coverage
}

func shown(i rejects.Item) Reject {
	return Reject{Reject: i.Reject, Ref: &i.Ref, State: i.State, ReplayedBy: i.Replay, RejectedAgain: i.Again}
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
		Responses: pageOrLines[rejectsPage, Reject](api),
	}, h.listRejects)
	h.registerRejectCounts(api)
	h.registerRejectExport(api)
}

func (h *handlers) listRejects(ctx context.Context, in *listRejectsInput) (*huma.StreamResponse, error) {
	sel, refusal := in.selection()
	if refusal != nil {
		return nil, refusal
	}
	oldest := in.Order == "oldest"
	beyond, refusal := lastOffset(in.PageToken, oldest)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := h.auditRead(ctx, "rejects", cmp.Or(sel.Run, sel.Import)); refusal != nil {
		return nil, refusal
	}
	if schemas.IsTrial(sel.Run) {
		return h.listFailedChecks(ctx, in, sel)
	}
	if strings.Contains(in.Accept, ndjson) {
		return &huma.StreamResponse{Body: func(c huma.Context) { h.streamRejects(c, sel, oldest, beyond) }}, nil
	}
	items, next, how, err := h.Rejects.Page(ctx, sel, oldest, beyond, in.PageSize)
	if err != nil {
		return nil, h.rejectsFailed(ctx, err)
	}
	if len(items) == 0 && beyond < 0 {
		if refusal := h.nothingRejected(ctx, sel); refusal != nil {
			return nil, refusal
		}
	}
	page := rejectsPage{Items: []Reject{}, Coverage: coverageOf(how)}
	for _, i := range items {
		page.Items = append(page.Items, shown(i))
	}
	if next >= 0 {
		page.NextPageToken = pageToken(next, oldest)
	}
	return rawJSON(page), nil
}

// rawJSON answers with what huma would check and copy: the rows in it are as they are.
func rawJSON(value any) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/json")
		// The reader is gone if this fails; nobody is left to tell.
		_ = json.NewEncoder(c.BodyWriter()).Encode(value)
	}}
}

// pageToken names the offset before which, or from which on, the next page goes on.
func pageToken(last int64, oldestFirst bool) string {
	if oldestFirst {
		last++
	}
	return strconv.FormatInt(last, 10)
}

// lastOffset is where the page before has ended, -1 if there was none.
func lastOffset(token string, oldestFirst bool) (int64, *Problem) {
	if token == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(token, 10, 64)
	if err != nil || n < 1 {
		return -1, problem(http.StatusBadRequest, codeInvalidRequest, "pageToken is the nextPageToken of the page before, unchanged")
	}
	if oldestFirst {
		n--
	}
	return n, nil
}

// rejectsFailed is what a caller is told who cannot be answered.
func (h *handlers) rejectsFailed(ctx context.Context, err error) *Problem {
	if errors.Is(err, rejects.ErrUnavailable) {
		return h.fail(ctx, codeIndex, "rejects cannot be looked up now ("+err.Error()+"); try again, and see rejects.directory in Import Center's configuration", err)
	}
	return h.kafkaFailed(ctx, err)
}

// streamRejects writes pages until there are no more.
func (h *handlers) streamRejects(c huma.Context, sel rejects.Selection, oldest bool, beyond int64) {
	const size = 1000
	h.stream(c, func(write func(any) error) error {
		for {
			items, next, how, err := h.Rejects.Page(c.Context(), sel, oldest, beyond, size)
			if err != nil {
				return err
			}
			if !how.Complete {
				return errIncomplete
			}
			for _, i := range items {
				if err := write(shown(i)); err != nil {
					return err
				}
			}
			if beyond = next; next < 0 {
				return nil
			}
		}
	})
}

// errIncomplete ends a stream that would leave rejects out without saying so.
var errIncomplete = errors.New("the index of rejects is still being built")

// listFailedChecks lists the rejects of a dry run, which the index does not have: their
// topic keeps them for an hour.
func (h *handlers) listFailedChecks(ctx context.Context, in *listRejectsInput, sel rejects.Selection) (*huma.StreamResponse, error) {
	if in.Order == "oldest" || sel.State != "" {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, "the failed checks of a dry run are listed newest first and have no state; leave order and state out")
	}
	query := rejects.Query{Import: sel.Import, Run: sel.Run, Code: sel.Code, Stage: sel.Stage, Column: sel.Column, Since: sel.Since, Until: sel.Until}
	if before, _ := lastOffset(in.PageToken, false); before > 0 {
		query.Before = before
	}
	topic := h.Topics.DryRunRejects()
	if strings.Contains(in.Accept, ndjson) {
		return &huma.StreamResponse{Body: func(c huma.Context) {
			h.stream(c, func(write func(any) error) error {
				_, err := rejects.Walk(c.Context(), h.Partitions, topic, query, func(r schemas.Reject) error { return write(Reject{Reject: r}) })
				return err
			})
		}}, nil
	}
	query.Scan = scanLimit
	page := rejectsPage{Items: []Reject{}, Coverage: Coverage{Complete: true, Share: 1}}
	next, err := rejects.Walk(ctx, h.Partitions, topic, query, func(r schemas.Reject) error {
		page.Items = append(page.Items, Reject{Reject: r})
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
	return rawJSON(page), nil
}

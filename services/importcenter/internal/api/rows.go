package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
)

// Bounds of reading the rows of a run. A page that looks at this many reports ends, with
// a token to go on.
const (
	rowReports = 200_000
	rowBatch   = 20_000
)

type listRowsInput struct {
	RunPath
	Accept    string `header:"Accept" doc:"application/x-ndjson streams all of them, a line each"`
	Result    string `query:"result" enum:"loaded,rejected,skipped" doc:"Only rows with this result"`
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
	PageToken string `query:"pageToken" maxLength:"80" doc:"nextPageToken of the page before; the first page if absent"`
}

// RowsPage is a page of the rows of a run.
type RowsPage struct {
	Items         []rowlog.Row `json:"items" doc:"First what extractor and mapper have rejected, then the others in the order in which their results were known"`
	NextPageToken string       `json:"nextPageToken"`
	// Unlisted are counts, because the topics hold nothing of such rows.
	Unlisted UnlistedRows `json:"unlisted"`
}

// UnlistedRows counts the rows of a run of which the topics hold nothing.
type UnlistedRows struct {
	Unchanged     int64 `json:"unchanged" doc:"As CleverTap has them already"`
	Future        int64 `json:"future" doc:"Left for a later run, because their cursor lies ahead of the clock"`
	StillRejected int64 `json:"stillRejected" doc:"Rejected by an earlier run and not changed since"`
	Suppressed    int64 `json:"suppressed" doc:"Of people who must not be sent, left out before anything of them was written"`
}

func unlisted(run schemas.Run) UnlistedRows {
	c := run.Counts
	return UnlistedRows{Unchanged: c.Unchanged, Future: c.Future, StillRejected: c.StillRejected, Suppressed: c.ExtractSkipped}
}

func (h *handlers) registerRows(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-rows", Method: http.MethodGet, Path: "/v1/runs/{run}/rows",
		Summary:   "List the rows of a run with their results",
		Errors:    []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
		Responses: pageOrLines[RowsPage, rowlog.Row](api),
	}, h.listRows)
}

func (h *handlers) listRows(ctx context.Context, in *listRowsInput) (*huma.StreamResponse, error) {
	from, err := rowlog.ParsePosition(in.PageToken)
	if err != nil {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, err.Error())
	}
	query, err := h.rowsQuery(ctx, in.Run, in.Result)
	if err != nil {
		return nil, err
	}
	query.From = from
	if strings.Contains(in.Accept, ndjson) {
		return &huma.StreamResponse{Body: func(c huma.Context) {
			h.stream(c, func(write func(any) error) error {
				_, _, err := rowlog.Walk(c.Context(), h.Partitions, h.Topics, query, func(r rowlog.Row) error { return write(r) })
				return err
			})
		}}, nil
	}
	query.Reports, query.Batch = rowReports, in.PageSize+1
	page := RowsPage{Items: []rowlog.Row{}, Unlisted: unlisted(query.Run)}
	next, more, err := rowlog.Walk(ctx, h.Partitions, h.Topics, query, func(r rowlog.Row) error {
		if len(page.Items) == in.PageSize {
			return rowlog.ErrEnough
		}
		page.Items = append(page.Items, r)
		return nil
	})
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if more {
		page.NextPageToken = next.String()
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/json")
		// The reader is gone if this fails; nobody is left to tell.
		_ = json.NewEncoder(c.BodyWriter()).Encode(page)
	}}, nil
}

// rowsQuery is the question for the rows of a run, once the look is in the audit.
func (h *handlers) rowsQuery(ctx context.Context, name, result string) (query rowlog.Query, err error) {
	if schemas.IsTrial(name) {
		return query, problem(http.StatusBadRequest, codeInvalidRequest, name+" is no run but a trial: GET /v1/dryruns/{run} (tapline dryrun) shows the rows of a dry run")
	}
	run, err := h.existingRun(ctx, name)
	if err != nil {
		return query, err
	}
	if refusal := h.auditRead(ctx, "rows", name); refusal != nil {
		return query, refusal
	}
	query = rowlog.Query{Run: run, Result: result, Batch: rowBatch}
	if query.Spec, query.Rule, err = h.ruleOf(ctx, run); err != nil {
		return query, h.kafkaFailed(ctx, err)
	}
	records := h.Topics.Records(run.Import)
	counts, err := h.PartitionCounts(ctx, []string{records})
	if err != nil {
		return query, h.kafkaFailed(ctx, err)
	}
	query.Partitions = counts[records]
	return query, nil
}

// ruleOf returns the definition that a run used, and the mapping of its newest attempt.
// Without the run's trigger, which retention removes, the definition is the applied one.
func (h *handlers) ruleOf(ctx context.Context, run schemas.Run) (schemas.ImportSpec, *rowlog.Rule, error) {
	var trigger *schemas.Trigger
	err := h.logged(ctx, h.Topics.Triggers(), run, func(r *kafka.Record) error {
		if string(r.Key) != run.Import {
			return nil
		}
		var t schemas.Trigger
		if json.Unmarshal(r.Value, &t) != nil || t.Run != run.Run {
			return nil
		}
		trigger = &t
		return errEnoughReports
	})
	if err != nil {
		return schemas.ImportSpec{}, nil, fmt.Errorf("finding the definition of a run: %w", err)
	}
	if trigger == nil {
		d, _ := h.Catalog.Import(run.Import)
		return d.Spec, nil, nil
	}
	var started *schemas.Started
	err = h.logged(ctx, h.Topics.Reports(), run, func(r *kafka.Record) error {
		if run.FinishedAt != nil && r.Timestamp.After(run.FinishedAt.Add(logSlack)) {
			return errEnoughReports
		}
		if _, kind, _ := schemas.ParseEventType(kafka.HeaderValue(r, "ce_type")); kind != schemas.ReportStarted || string(r.Key) != run.Import {
			return nil
		}
		var report schemas.Report
		if json.Unmarshal(r.Value, &report) == nil && report.Run == run.Run && report.Started != nil {
			started = report.Started
			if report.Attempt == run.Attempt {
				return errEnoughReports
			}
		}
		return nil
	})
	if err != nil {
		return schemas.ImportSpec{}, nil, fmt.Errorf("finding the columns of a run: %w", err)
	}
	return trigger.Spec, h.compiled(trigger.Spec, started), nil
}

// compiled is the mapping of a run's rows; nil if it does not fit the columns, or these
// are not known.
func (h *handlers) compiled(spec schemas.ImportSpec, started *schemas.Started) *rowlog.Rule {
	if started == nil {
		return nil
	}
	clock, err := schemas.ParseInstant(started.Clock)
	if err != nil {
		return nil
	}
	m, problems := mapping.CompileWithout(spec, started.Columns, started.Gone, mapping.OptionsOf(h.account(spec.Destination.AccountRef)))
	if len(problems) > 0 {
		return nil
	}
	return &rowlog.Rule{Mapping: m, Clock: clock.Unix()}
}

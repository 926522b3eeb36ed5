package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/definition"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/plan"
)

type previewInput struct {
	ActorHeader
	Body struct {
		Import    string            `json:"import,omitempty" doc:"An applied import, or the one of the documents that is meant"`
		Documents []json.RawMessage `json:"documents,omitempty" maxItems:"1000" doc:"Definitions that need not be applied"`
		Rows      int               `json:"rows,omitempty" minimum:"1" maximum:"1000" default:"50"`
	}
}

// PreviewResult is a preview: the query's columns and its first rows.
type PreviewResult struct {
	Import  string            `json:"import"`
	QueryID string            `json:"queryId"`
	Millis  int64             `json:"millis" doc:"Time at Snowflake, with the sign-in"`
	Columns []PreviewColumn   `json:"columns"`
	Rows    []json.RawMessage `json:"rows" doc:"As the rows topic carries them"`
	// Suppressed are there because people look at a preview to see who would be sent.
	Suppressed []int    `json:"suppressed,omitempty" doc:"Rows, counted from 0, of people who are suppressed: no run sends them"`
	Problems   []Detail `json:"problems" doc:"What apply would refuse the definition for"`
}

// PreviewColumn is a column and how many of the rows shown have no value in it.
type PreviewColumn struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Precision int    `json:"precision"`
	Scale     int    `json:"scale"`
	Nullable  bool   `json:"nullable"`
	Nulls     int64  `json:"nulls"`
}

type previewOutput struct{ Body PreviewResult }

func (h *handlers) registerPreview(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "preview", Method: http.MethodPost, Path: "/v1/preview",
		Summary: "Read the first rows of an import's query; nothing is imported", MaxBodyBytes: maxBody,
		Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.preview)
	huma.Register(api, huma.Operation{
		OperationID: "describe", Method: http.MethodPost, Path: "/v1/describe",
		Summary: "Read the columns of an import's query; no warehouse is used and no row is read", MaxBodyBytes: maxBody,
		Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.describe)
}

type describeInput struct {
	ActorHeader
	Body struct {
		Import    string            `json:"import,omitempty" doc:"The one of the documents that is meant"`
		Documents []json.RawMessage `json:"documents" minItems:"1" maxItems:"1000" doc:"Definitions that need not be applied; a draft may be incomplete"`
	}
}

// describe has Snowflake say the columns of a query that is not applied.
func (h *handlers) describe(ctx context.Context, in *describeInput) (*previewOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	set, d, refusal := h.importOf(ctx, in.Body.Documents, in.Body.Import)
	if refusal != nil {
		return nil, refusal
	}
	return h.look(ctx, in.Actor, set, question{kind: schemas.CommandPreview, importName: d.Metadata.Name, spec: d.Spec, connection: connectionIn(set, d.Spec)})
}

func (h *handlers) preview(ctx context.Context, in *previewInput) (*previewOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	set, q, refusal := h.previewed(ctx, in)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := h.auditRead(ctx, "preview", q.importName); refusal != nil {
		return nil, refusal
	}
	return h.look(ctx, in.Actor, set, q)
}

// look asks the extractor and shows what it answers.
func (h *handlers) look(ctx context.Context, actor string, set *definition.Set, q question) (*previewOutput, error) {
	if lacks := sourceLacks(q); lacks != nil {
		return nil, refused(detailsOf(set.Locate(schemas.KindImport, q.importName, lacks)))
	}
	replies, failed := h.ask(ctx, actor, []question{q}, h.PreviewTimeout)
	if failed != nil {
		return nil, failed
	}
	r := replies[0]
	switch {
	case r.refusal != nil:
		path, message, ok := faultyPart(q.spec.Source, r.refusal)
		if !ok {
			return nil, problem(http.StatusServiceUnavailable, r.refusal.Code, r.refusal.Reason)
		}
		return nil, refused(detailsOf(set.Locate(schemas.KindImport, q.importName, []definition.Problem{{Path: path, Code: r.refusal.Code, Message: message}})))
	case r.preview == nil:
		return nil, problem(http.StatusGatewayTimeout, codeNoAnswer,
			"no extractor has answered within "+h.PreviewTimeout.String()+"; is one running, with a scheduler? The query may also take longer: the preview is cancelled")
	}
	rows, err := h.previewRows(ctx, r)
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	return &previewOutput{Body: h.shown(set, q, r, rows)}, nil
}

// sourceLacks is what a draft's source lacks to be read.
func sourceLacks(q question) (lacks []definition.Problem) {
	source := q.spec.Source
	if source.ConnectionRef == "" && q.connection == nil {
		lacks = append(lacks, definition.Problem{Path: "spec.source.connectionRef", Code: "required", Message: "name the connection to read with"})
	}
	if source.Query == "" && source.Table == "" {
		lacks = append(lacks, definition.Problem{Path: "spec.source", Code: "required", Message: "give a query or a table to read"})
	}
	return lacks
}

// previewed finds the import to preview: an applied one, or one of the documents.
func (h *handlers) previewed(ctx context.Context, in *previewInput) (*definition.Set, question, *Problem) {
	set := &definition.Set{}
	if len(in.Body.Documents) == 0 {
		d, ok := h.Catalog.Import(in.Body.Import)
		if !ok {
			return nil, question{}, h.noImport(ctx, in.Body.Import)
		}
		if !h.reaches(ctx, in.Body.Import) {
			return nil, question{}, outside(in.Body.Import)
		}
		return set, question{kind: schemas.CommandPreview, importName: d.Metadata.Name, spec: d.Spec, rows: in.Body.Rows}, nil
	}
	if caller := access.CallerOf(ctx); !caller.May(access.Editor) {
		return nil, question{}, h.needsRole(access.Editor, caller) // it is SQL of one's own
	}
	set, d, refusal := h.importOf(ctx, in.Body.Documents, in.Body.Import)
	if refusal != nil {
		return nil, question{}, refusal
	}
	return set, question{kind: schemas.CommandPreview, importName: d.Metadata.Name, spec: d.Spec, connection: connectionIn(set, d.Spec), rows: in.Body.Rows}, nil
}

// importOf is the one import of documents that need not be applied, or the one of a
// name. Problems of the mapping do not refuse it: people look at the columns before they
// write the mapping.
func (h *handlers) importOf(ctx context.Context, documents []json.RawMessage, name string) (*definition.Set, schemas.Definition, *Problem) {
	set, problems := h.read(documents)
	problems = append(problems, h.endpoints(set)...)
	if len(problems) > 0 {
		return nil, schemas.Definition{}, refused(detailsOf(problems))
	}
	changes := plan.Make(plan.Set{Imports: set.Imports, Resources: set.Resources}, h.Catalog, h.Now())
	if refusal := h.mayChange(ctx, changes); refusal != nil {
		return nil, schemas.Definition{}, refusal
	}
	var found []schemas.Definition
	for _, d := range set.Imports {
		if name == "" || name == d.Metadata.Name {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		return nil, schemas.Definition{}, problem(http.StatusUnprocessableEntity, codeInvalidRequest,
			"the documents hold no import of that name, or several imports; name the one that is meant")
	}
	return set, found[0], nil
}

func (h *handlers) shown(set *definition.Set, q question, r reply, rows []json.RawMessage) PreviewResult {
	out := PreviewResult{Import: q.importName, QueryID: r.preview.QueryID, Millis: r.preview.Millis, Columns: []PreviewColumn{}, Rows: rows, Suppressed: r.preview.Suppressed, Problems: []Detail{}}
	for i, c := range r.preview.Columns {
		shown := PreviewColumn{Name: c.Name, Type: c.Type, Precision: c.Precision, Scale: c.Scale, Nullable: c.Nullable}
		if i < len(r.preview.Nulls) {
			shown.Nulls = r.preview.Nulls[i]
		}
		out.Columns = append(out.Columns, shown)
	}
	problems, _ := h.examine(set, q, r)
	out.Problems = append(out.Problems, detailsOf(set.Locate(schemas.KindImport, q.importName, problems))...)
	return out
}

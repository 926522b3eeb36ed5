package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/domain/suggest"
	"tapline.dev/schemas"
)

// sampleInput is an import that need not be applied, with what a preview has shown of
// its query. Nothing of it is stored, and Snowflake is not asked.
type sampleInput struct {
	Body MappingSample
}

// MappingSample is what a mapping is tried on.
type MappingSample struct {
	Import    string            `json:"import,omitempty" doc:"The one of the documents that is meant"`
	Documents []json.RawMessage `json:"documents" minItems:"1" maxItems:"1000" doc:"Definitions; a draft may be incomplete"`
	Columns   []SampleColumn    `json:"columns" minItems:"1" maxItems:"10000" doc:"The query's columns, as a preview shows them"`
	Rows      []json.RawMessage `json:"rows,omitempty" maxItems:"1000" doc:"Rows as the rows topic carries them"`
}

// SampleColumn is a column of the query.
type SampleColumn struct {
	Name      string `json:"name" minLength:"1" maxLength:"255"`
	Type      string `json:"type" doc:"Snowflake's name, such as FIXED or TEXT"`
	Precision int    `json:"precision,omitempty"`
	Scale     int    `json:"scale,omitempty"`
	Nullable  bool   `json:"nullable,omitempty"`
	Nulls     int64  `json:"nulls,omitempty" doc:"Ignored: a preview's columns can be sent as they are"`
}

// MappingTried is what a mapping makes of sample rows.
type MappingTried struct {
	Problems   []Detail         `json:"problems" doc:"What keeps the mapping from being tried; without any, the rows were mapped"`
	Properties []DryRunProperty `json:"properties" doc:"Each line of the mapping and how many of the rows it fails for"`
	Rows       []TriedRow       `json:"rows" doc:"In the order of the rows sent"`
}

// TriedRow is what becomes of a row.
type TriedRow struct {
	Record  json.RawMessage `json:"record,omitempty" doc:"The exact bytes for CleverTap"`
	Rejects []DryRunCheck   `json:"rejects,omitempty" doc:"Every check that failed"`
	Omitted []DryRunCheck   `json:"omitted,omitempty" doc:"Properties that onInvalid leaves out, and notes that reject nothing"`
}

// MappingSuggested is a first mapping of a query's columns, a reason for each choice.
type MappingSuggested struct {
	Identity   ColumnSuggested     `json:"identity"`
	Cursor     ColumnSuggested     `json:"cursor" doc:"The Updated On column; empty if no column says when a row was changed"`
	CreatedOn  string              `json:"createdOn,omitempty" doc:"Of events: the column with their time"`
	Properties []PropertySuggested `json:"properties"`
	LeftOut    []ColumnSuggested   `json:"leftOut" doc:"Columns that are better not mapped, and why"`
}

// ColumnSuggested is a column and why it was chosen, or left out.
type ColumnSuggested struct {
	Column string `json:"column"`
	Reason string `json:"reason"`
}

// PropertySuggested is a line of a mapping.
type PropertySuggested struct {
	Property schemas.Property `json:"property"`
	Reason   string           `json:"reason,omitempty" doc:"Absent where the column's type alone decides"`
	Sure     bool             `json:"sure" doc:"False where a person has to look: a guess, or values that do not fit"`
}

func (h *handlers) registerMappings(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "try-mapping", Method: http.MethodPost, Path: "/v1/mappings/try",
		Summary: "Map sample rows with a mapping that need not be applied; nothing is stored and nobody is asked", MaxBodyBytes: maxBody,
		Errors: []int{http.StatusUnprocessableEntity},
	}, h.tryMapping)
	huma.Register(api, huma.Operation{
		OperationID: "suggest-mapping", Method: http.MethodPost, Path: "/v1/mappings/suggest",
		Summary: "Suggest a mapping of a query's columns, with a reason for each line", MaxBodyBytes: maxBody,
		Errors: []int{http.StatusUnprocessableEntity},
	}, h.suggestMapping)
}

type triedOutput struct{ Body MappingTried }

func (h *handlers) tryMapping(ctx context.Context, in *sampleInput) (*triedOutput, error) {
	set, d, refusal := h.importOf(ctx, in.Body.Documents, in.Body.Import)
	if refusal != nil {
		return nil, refusal
	}
	out := &triedOutput{Body: MappingTried{Properties: []DryRunProperty{}, Rows: []TriedRow{}}}
	columns := columnsOf(in.Body.Columns)
	m, found := mapping.CompileContext(ctx, d.Spec, columns, h.options(set, d.Spec.Destination.AccountRef))
	problems := make([]definition.Problem, len(found))
	for i, p := range found {
		problems[i] = definition.Problem{Path: p.Path, Code: p.Code, Message: p.Message}
	}
	out.Body.Problems = detailsOf(set.Locate(schemas.KindImport, d.Metadata.Name, problems))
	if len(found) > 0 {
		return out, nil
	}
	counts := newPropertyCounts(d.Spec, h.lines(d.Spec, columns, nil))
	clock := h.Now().Truncate(time.Second).Unix()
	for _, raw := range in.Body.Rows {
		if ctx.Err() != nil {
			return nil, problem(http.StatusRequestTimeout, codeInvalidRequest, "the rows could not be mapped within the time of a request; send fewer")
		}
		record, rejects, omitted := m.MapAll(nil, raw, clock)
		row := TriedRow{Record: json.RawMessage(record), Rejects: checksOf(rejects), Omitted: checksOf(omitted)}
		out.Body.Rows = append(out.Body.Rows, row)
		counts.add(row.Rejects, row.Omitted)
	}
	out.Body.Properties = counts.properties
	return out, nil
}

func checksOf(rejects []mapping.Reject) []DryRunCheck {
	var checks []DryRunCheck
	for _, r := range rejects {
		checks = append(checks, DryRunCheck{Stage: schemas.StageMap, Code: r.Code, Column: r.Column, Property: r.Property, Reason: r.Reason})
	}
	return checks
}

type suggestedOutput struct{ Body MappingSuggested }

func (h *handlers) suggestMapping(ctx context.Context, in *sampleInput) (*suggestedOutput, error) {
	_, d, refusal := h.importOf(ctx, in.Body.Documents, in.Body.Import)
	if refusal != nil {
		return nil, refusal
	}
	spec := d.Spec
	spec.Mapping = nil
	if spec.Destination.Type == schemas.TypeEvent && spec.Destination.Event == nil {
		spec.Destination.Event = &schemas.EventSpec{}
	}
	s, err := suggest.Make(spec, spec.Identity.Column, columnsOf(in.Body.Columns), in.Body.Rows)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, err.Error())
	}
	out := &suggestedOutput{Body: MappingSuggested{
		Identity: ColumnSuggested{Column: s.Spec.Identity.Column, Reason: s.Identity}, Cursor: ColumnSuggested{Reason: s.Cursor},
		Properties: []PropertySuggested{}, LeftOut: []ColumnSuggested{},
	}}
	if c := s.Spec.Source.Cursor; c != nil {
		out.Body.Cursor.Column = c.Column
	}
	if e := s.Spec.Destination.Event; e != nil && e.CreatedOn != nil {
		out.Body.CreatedOn = e.CreatedOn.Column
	}
	for _, l := range s.Lines {
		out.Body.Properties = append(out.Body.Properties, PropertySuggested{Property: l.Property, Reason: l.Reason, Sure: l.Sure})
	}
	for _, l := range s.LeftOut {
		out.Body.LeftOut = append(out.Body.LeftOut, ColumnSuggested{Column: l.Column, Reason: l.Why})
	}
	return out, nil
}

func columnsOf(sent []SampleColumn) []schemas.Column {
	columns := make([]schemas.Column, len(sent))
	for i, c := range sent {
		columns[i] = schemas.Column{Name: c.Name, Type: c.Type, Precision: c.Precision, Scale: c.Scale, Nullable: c.Nullable}
	}
	return columns
}

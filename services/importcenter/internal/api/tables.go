package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

type tablesInput struct {
	ActorHeader
	ResourcePath
	Level     string `query:"level" enum:"database,schema,table" default:"table" doc:"What to list"`
	Database  string `query:"database" maxLength:"255" doc:"Only in this database, by its name as Snowflake stores it"`
	Schema    string `query:"schema" maxLength:"255" doc:"Only in this schema of the database, by its name as Snowflake stores it"`
	Table     string `query:"table" maxLength:"255" doc:"Only what has this name, in any case; * stands for any characters. A table whose name is given without * is shown with its columns"`
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"1000" default:"200" doc:"How many at most"`
	PageToken string `query:"pageToken" maxLength:"4096" pattern:"^[A-Za-z0-9_=-]*$" doc:"nextPageToken of the page before; the first page if absent"`
}

type tablesOutput struct {
	Body struct {
		Items         []schemas.Table `json:"items"`
		NextPageToken string          `json:"nextPageToken"`
		Incomplete    string          `json:"incomplete,omitempty" doc:"Why there may be more than all pages show"`
	}
}

func (h *handlers) registerTables(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-tables", Method: http.MethodGet, Path: "/v1/connections/{name}/tables",
		Summary: "List the databases, schemas, or tables with their columns, that a connection sees; no rows are read and no warehouse is used",
		Errors: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.listTables)
}

func (h *handlers) listTables(ctx context.Context, in *tablesInput) (*tablesOutput, error) {
	q := schemas.TablesQuery{Level: in.Level, Database: in.Database, Schema: in.Schema, Name: in.Table, Rows: in.PageSize}
	if q.Schema != "" && q.Database == "" {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, "schema needs database: several databases may have a schema of that name")
	}
	if in.PageToken != "" {
		text, err := base64.RawURLEncoding.DecodeString(in.PageToken)
		if err != nil || json.Unmarshal(text, &q.After) != nil || q.After == nil {
			return nil, problem(http.StatusBadRequest, codeInvalidRequest, "pageToken is the nextPageToken of the page before, unchanged")
		}
	}
	r, failed := h.askOfConnection(ctx, in.Actor, in.Name, question{kind: schemas.CommandListTables, tables: &q})
	if failed != nil {
		return nil, failed
	}
	if r.tables == nil {
		return nil, h.noAnswer()
	}
	out := &tablesOutput{}
	out.Body.Items, out.Body.Incomplete = append([]schemas.Table{}, r.tables.Items...), r.tables.Incomplete
	if r.tables.Next != nil {
		text, err := json.Marshal(r.tables.Next)
		if err != nil {
			return nil, err
		}
		out.Body.NextPageToken = base64.RawURLEncoding.EncodeToString(text)
	}
	return out, nil
}

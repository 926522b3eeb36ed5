package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/rejectfile"
	"tapline.dev/services/importcenter/internal/rowlog"
)

type exportRowsInput struct {
	RunPath
	Result string `query:"result" enum:"loaded,rejected,skipped" doc:"Only rows with this result"`
	Format string `query:"format" enum:"ndjson,csv,parquet" default:"ndjson" doc:"What file is wanted"`
	BOM    bool   `query:"bom" doc:"Begin a CSV file with a byte order mark, which Excel needs"`
}

type openRowInput struct {
	RunPath
	Ref string `path:"ref" maxLength:"80" doc:"The row, as the list names it, such as records-3-18273"`
}

// OpenedRow is one row of a run with what CleverTap says of the person.
type OpenedRow struct {
	Row          rowlog.Row `json:"row"`
	CleverTapIDs []string   `json:"cleverTapIds" doc:"The person's CleverTap IDs, one for each device, as CleverTap tells them now"`
	CleverTap    *Person    `json:"clevertap,omitempty" doc:"The look-up that tells them; absent of a row that does not say whose it is"`
}

type openedRow struct{ Body OpenedRow }

func (h *handlers) registerRowExport(api huma.API) {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	huma.Register(api, huma.Operation{
		OperationID: "export-rows", Method: http.MethodGet, Path: "/v1/runs/{run}/rows/export",
		Summary: "Export the rows of a run with their results as a file of any size; nobody is looked up at CleverTap for it, so that cleverTapId is empty unless the import maps it",
		Errors:  []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{"200": {
			Description: "The file. Its connection is broken off if it cannot be finished",
			Content:     map[string]*huma.MediaType{ndjson: text, rejectfile.CSVType: text, rejectfile.ParquetType: text},
		}},
	}, h.exportRows)
	huma.Register(api, huma.Operation{
		OperationID: "open-row", Method: http.MethodGet, Path: "/v1/runs/{run}/rows/{ref}",
		Summary: "Open one row of a run: its result, and the person's CleverTap IDs, which a loader looks up within the account's limit",
		Errors:  []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.openRow)
}

func (h *handlers) exportRows(ctx context.Context, in *exportRowsInput) (*huma.StreamResponse, error) {
	if in.BOM && in.Format != "csv" {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, "bom is for format=csv only")
	}
	query, err := h.rowsQuery(ctx, in.Run, in.Result)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		file := rejectfile.NewRows(in.Format, in.BOM, c.BodyWriter())
		c.SetHeader("Content-Type", file.Type())
		c.SetHeader("Content-Disposition", `attachment; filename="`+in.Run+".rows."+in.Format+`"`)
		c.SetHeader("Tapline-Note", rejectfile.RowsNote)
		caller := access.CallerOf(c.Context())
		_, _, err := rowlog.Walk(c.Context(), h.Partitions, h.Topics, query, func(r rowlog.Row) error {
			if err := caller.StillHolds(h.Now()); err != nil {
				return err
			}
			if w, ok := c.BodyWriter().(http.ResponseWriter); ok {
				// A stream outlasts http.writeTimeout as long as it is read.
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(streamWriteTimeout))
			}
			return file.Write(r)
		})
		if err == nil {
			err = file.Close()
		}
		if err != nil { // no reader may take a part for the whole
			h.logFailure(c.Context(), codeKafka, err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (h *handlers) openRow(ctx context.Context, in *openRowInput) (*openedRow, error) {
	query, err := h.rowsQuery(ctx, in.Run, "")
	if err != nil {
		return nil, err
	}
	var found *rowlog.Row
	_, _, err = rowlog.Walk(ctx, h.Partitions, h.Topics, query, func(r rowlog.Row) error {
		if r.Ref != in.Ref {
			return nil
		}
		found = &r
		return rowlog.ErrEnough
	})
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if found == nil {
		return nil, problem(http.StatusNotFound, codeNotFound, in.Run+" has no row "+in.Ref+"; tapline get rows --run "+in.Run+" -o wide shows their names")
	}
	out := &openedRow{Body: OpenedRow{Row: *found, CleverTapIDs: []string{}}}
	identity := found.Identity
	if identity == "" {
		identity = found.ObjectID
	}
	if identity == "" {
		return out, nil
	}
	person, refusal := h.person(ctx, query.Spec, identity)
	if refusal != nil {
		return nil, refusal
	}
	out.Body.CleverTap, out.Body.CleverTapIDs = person, cleverTapIDs(person.Profile)
	person.Profile = nil // other imports have sent it too, which the caller need not reach
	return out, nil
}

// cleverTapIDs are the ids in CleverTap's record of a person.
func cleverTapIDs(profile json.RawMessage) []string {
	var p struct {
		PlatformInfo []struct {
			ObjectID string `json:"objectId"`
		} `json:"platformInfo"`
	}
	ids := []string{}
	if json.Unmarshal(profile, &p) != nil {
		return ids
	}
	for _, device := range p.PlatformInfo {
		if device.ObjectID != "" && !slices.Contains(ids, device.ObjectID) {
			ids = append(ids, device.ObjectID)
		}
	}
	return ids
}

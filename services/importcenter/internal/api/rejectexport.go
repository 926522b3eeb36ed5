package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/rejectfile"
	"tapline.dev/services/importcenter/internal/rejects"
)

type exportRejectsInput struct {
	RejectFilters
	Format string `query:"format" enum:"ndjson,csv,parquet" default:"ndjson" doc:"What file is wanted"`
	BOM    bool   `query:"bom" doc:"Begin a CSV file with a byte order mark, which Excel needs"`
}

func (h *handlers) registerRejectExport(api huma.API) {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	huma.Register(api, huma.Operation{
		OperationID: "export-rejects", Method: http.MethodGet, Path: "/v1/rejects/export",
		Summary: "Export rejected rows, oldest first, as a file of any size",
		Errors:  []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{"200": {
			Description: "The file. Its connection is broken off if it cannot be finished",
			Content:     map[string]*huma.MediaType{ndjson: text, rejectfile.CSVType: text, rejectfile.ParquetType: text},
		}},
	}, h.exportRejects)
}

func (h *handlers) exportRejects(ctx context.Context, in *exportRejectsInput) (*huma.StreamResponse, error) {
	sel, refusal := in.selection()
	if refusal != nil {
		return nil, refusal
	}
	if schemas.IsTrial(sel.Run) {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, "the failed checks of a dry run are not exported; list them (tapline get rejects --run "+sel.Run+" --all)")
	}
	if in.BOM && in.Format != "csv" {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, "bom is for format=csv only")
	}
	items, _, how, err := h.Rejects.Page(ctx, sel, true, -1, 1)
	if err != nil {
		return nil, h.rejectsFailed(ctx, err)
	}
	if !how.Complete {
		p := problem(http.StatusServiceUnavailable, codeIndex, "the index of rejects is still being built, and a file would lack rejects; try again, and see how far it is with tapline get rejects")
		return nil, p
	}
	if len(items) == 0 {
		if refusal := h.nothingRejected(ctx, sel); refusal != nil {
			return nil, refusal
		}
	}
	if refusal := h.auditRead(ctx, "rejects", cmp.Or(sel.Run, sel.Import)); refusal != nil {
		return nil, refusal
	}
	return &huma.StreamResponse{Body: func(c huma.Context) { h.writeExport(c, in, sel) }}, nil
}

// writeExport writes the file. What goes wrong once it has begun breaks the connection
// off, so that no reader takes a part for the whole.
func (h *handlers) writeExport(c huma.Context, in *exportRejectsInput, sel rejects.Selection) {
	file := rejectfile.New(in.Format, in.BOM, c.BodyWriter())
	c.SetHeader("Content-Type", file.Type())
	c.SetHeader("Content-Disposition", `attachment; filename="`+cmp.Or(sel.Run, sel.Import)+".rejects."+in.Format+`"`)
	caller := access.CallerOf(c.Context())
	_, err := h.Rejects.EachItem(c.Context(), sel, func(i rejects.Item) error {
		if err := caller.StillHolds(h.Now()); err != nil {
			return err
		}
		if w, ok := c.BodyWriter().(http.ResponseWriter); ok {
			// A stream outlasts http.writeTimeout as long as it is read.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(streamWriteTimeout))
		}
		return file.Write(rejectfile.Line{
			Ref: i.Ref.String(), State: i.State, ReplayedBy: i.Replay, RejectedAgain: i.Again, Reject: i.Reject,
		})
	})
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		h.logFailure(c.Context(), codeKafka, err)
		panic(http.ErrAbortHandler)
	}
}

package wire

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// answer waits up to PollAfter for the result, and then tells the client to poll.
func (s *Server) answer(w http.ResponseWriter, req *http.Request, q *query, code string, async bool) {
	if !async {
		timer := time.NewTimer(s.cfg.PollAfter)
		defer timer.Stop()
		select {
		case <-q.done:
		case <-timer.C:
		case <-req.Context().Done():
			return
		}
	}
	select {
	case <-q.done:
		if !async {
			s.writeResult(w, req, q)
			return
		}
	default:
	}
	writeJSON(w, map[string]any{"success": true, "code": code, "message": "Query execution in progress.", "data": map[string]any{
		"queryId": q.id, "getResultUrl": "/queries/" + q.id + "/result", "queryAbortsAfterSecs": 300, "progressDesc": nil,
	}})
}

func (s *Server) writeResult(w http.ResponseWriter, req *http.Request, q *query) {
	q.mu.Lock()
	r, failure, lost := q.result, q.failure, q.lost
	q.mu.Unlock()
	if failure != nil {
		writeFailure(w, failure, map[string]any{"queryId": q.id, "internalError": false, "errorMessage": ""})
		return
	}
	if lost {
		writeFailure(w, sferr.New("000709", "02000", "Statement "+q.id+" not found"), map[string]any{"queryId": q.id, "errorMessage": ""})
		return
	}
	writeJSON(w, success(s.resultData(req, q, r)))
}

func (s *Server) resultData(req *http.Request, q *query, r *resultset.Result) map[string]any {
	rowtype := make([]map[string]any, len(r.Columns))
	for i, c := range r.Columns {
		rowtype[i] = c.RowType()
	}
	data := map[string]any{
		"queryId": q.id, "parameters": q.login.parameters(), "rowtype": rowtype, "sqlState": "00000",
		"total": s.faults.total(r.Total), "returned": r.Total, "statementTypeId": r.Statement, "version": 1,
		"databaseProvider": nil, "finalDatabaseName": orNil(r.Database), "finalSchemaName": orNil(r.Schema),
		"finalWarehouseName": orNil(r.Warehouse), "finalRoleName": r.Role, "numberOfBinds": r.Binds,
		"arrayBindSupported": r.Statement == resultset.Insert,
	}
	if r.Arrow {
		data["queryResultFormat"] = "arrow"
		data["rowsetBase64"] = base64.StdEncoding.EncodeToString(r.Inline)
	} else {
		data["queryResultFormat"] = "json"
		data["rowset"] = r.Rows
	}
	if len(r.Chunks) > 0 {
		scheme := "http"
		if req.TLS != nil {
			scheme = "https"
		}
		list := make([]map[string]any, len(r.Chunks))
		for i, c := range r.Chunks {
			list[i] = map[string]any{
				"url":      fmt.Sprintf("%s://%s/sandbox/v1/chunks/%s/%d?issued=%d", scheme, req.Host, q.id, i, time.Now().UnixNano()),
				"rowCount": c.Rows, "uncompressedSize": c.Uncompressed, "compressedSize": len(c.Gzip),
			}
		}
		data["chunks"], data["qrmk"] = list, "sandbox"
		data["chunkHeaders"] = map[string]string{"X-Sandbox-Chunk": q.id}
	}
	return data
}

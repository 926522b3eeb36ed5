package snowflake

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"time"
)

// answer waits a while for the result; then the client is told to poll.
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
		writeFailure(w, &Error{"000709", "02000", "Statement " + q.id + " not found"}, map[string]any{"queryId": q.id, "errorMessage": ""})
		return
	}
	writeJSON(w, success(s.resultData(req, q, r)))
}

func (s *Server) resultData(req *http.Request, q *query, r *result) map[string]any {
	rowtype := make([]map[string]any, len(r.columns))
	for i, c := range r.columns {
		rowtype[i] = c.rowType()
	}
	data := map[string]any{
		"queryId": q.id, "parameters": q.session.paramList(), "rowtype": rowtype, "sqlState": "00000",
		"total": s.faults.total(r.total), "returned": r.total, "statementTypeId": r.statement, "version": 1,
		"databaseProvider": nil, "finalDatabaseName": orNil(r.database), "finalSchemaName": orNil(r.schema),
		"finalWarehouseName": orNil(r.warehouse), "finalRoleName": r.role, "numberOfBinds": r.binds,
		"arrayBindSupported": r.statement == typeInsert,
	}
	if r.arrow {
		data["queryResultFormat"] = "arrow"
		data["rowsetBase64"] = base64.StdEncoding.EncodeToString(r.inline)
	} else {
		data["queryResultFormat"] = "json"
		data["rowset"] = r.rows
	}
	if len(r.chunks) > 0 {
		scheme := "http"
		if req.TLS != nil {
			scheme = "https"
		}
		list := make([]map[string]any, len(r.chunks))
		for i, c := range r.chunks {
			list[i] = map[string]any{
				"url":      fmt.Sprintf("%s://%s/sandbox/v1/chunks/%s/%d", scheme, req.Host, q.id, i),
				"rowCount": c.rows, "uncompressedSize": c.uncompressed, "compressedSize": len(c.gzip),
			}
		}
		data["chunks"], data["qrmk"] = list, "sandbox"
		data["chunkHeaders"] = map[string]string{"X-Sandbox-Chunk": q.id}
	}
	return data
}

package wire

import (
	"net/http"
	"time"
)

// logEntry describes a statement with the fields of Snowflake's monitoring endpoint.
func (s *Server) logEntry(q *query, monitoring bool) map[string]any {
	status := q.status()
	q.mu.Lock()
	defer q.mu.Unlock()
	rows, code, message, finished := int64(0), "", "", int64(0)
	if q.result != nil {
		rows = q.result.Total
	}
	if q.failure != nil {
		code, message = q.failure.Code, q.failure.Message
	}
	if !q.finished.IsZero() {
		finished = q.finished.UnixMilli()
	}
	if monitoring {
		return map[string]any{
			"id": q.id, "status": status, "state": status, "sqlText": q.text, "startTime": q.started.UnixMilli(), "endTime": finished,
			"errorCode": code, "errorMessage": message, "sessionId": q.login.id, "queryTag": q.tag,
			"stats": map[string]any{"scanBytes": 0, "producedRows": rows},
		}
	}
	entry := map[string]any{
		"id": q.id, "text": q.text, "tag": q.tag, "status": status, "rows": rows, "start": q.started.UTC().Format(time.RFC3339Nano),
		"describeOnly": q.describe, "sessionId": q.login.id, "requestId": q.requestID,
	}
	if !q.finished.IsZero() {
		entry["end"] = q.finished.UTC().Format(time.RFC3339Nano)
	}
	if code != "" {
		entry["error"] = map[string]any{"code": code, "message": message}
	}
	return entry
}

// listQueries returns the statement log, oldest first; ?tag= and ?status= filter it.
func (s *Server) listQueries(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	all := append([]*query{}, s.order...)
	s.mu.Unlock()
	tag, status := req.URL.Query().Get("tag"), req.URL.Query().Get("status")
	items := make([]map[string]any, 0, len(all))
	for _, q := range all {
		if tag != "" && q.tag != tag || status != "" && q.status() != status {
			continue
		}
		items = append(items, s.logEntry(q, false))
	}
	writeJSON(w, map[string]any{"items": items})
}

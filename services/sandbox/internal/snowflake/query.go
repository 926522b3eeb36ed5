package snowflake

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// query is a statement from its request until its result is forgotten.
type query struct {
	id, requestID, text, tag string
	session                  *session
	detached                 bool // asyncExec: lives on after its session
	describe                 bool
	started                  time.Time
	done                     chan struct{}
	cancel                   context.CancelFunc
	binds                    int

	mu       sync.Mutex
	finished time.Time
	result   *result
	failure  *Error
	lost     bool
}

func (q *query) end() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.finished
}

func (q *query) finish(r *result, failure *Error) {
	q.mu.Lock()
	q.result, q.failure, q.finished = r, failure, time.Now()
	q.mu.Unlock()
	close(q.done)
}

type queryRequest struct {
	SQL      string               `json:"sqlText"`
	Async    bool                 `json:"asyncExec"`
	Describe bool                 `json:"describeOnly"`
	Params   map[string]any       `json:"parameters"`
	Bindings map[string]bindValue `json:"bindings"`
	Stage    string               `json:"bindStage"`
}

func (s *Server) queryRequest(w http.ResponseWriter, req *http.Request, ses *session) {
	var in queryRequest
	if !readJSON(w, req, &in) {
		return
	}
	requestID := req.URL.Query().Get("requestId")
	q := s.startOrJoin(ses, requestID, in)
	code := "333333"
	if in.Async {
		code = "333334"
	}
	s.answer(w, req, q, code, in.Async)
}

// startOrJoin starts a statement; a request with an id that is known is a retry and gets
// the statement it started first.
func (s *Server) startOrJoin(ses *session, requestID string, in queryRequest) *query {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q, ok := s.requests[requestID]; ok && requestID != "" && q.session == ses && q.text == in.SQL {
		return q
	}
	ctx, cancel := context.WithCancel(s.base)
	tag := ses.param("QUERY_TAG")
	if v, ok := in.Params["QUERY_TAG"]; ok {
		tag = fmt.Sprint(v)
	}
	q := &query{
		id: s.queryID(), requestID: requestID, text: in.SQL, tag: tag, session: ses, detached: in.Async,
		describe: in.Describe, started: time.Now(), done: make(chan struct{}), cancel: cancel, binds: len(in.Bindings),
	}
	s.queries[q.id] = q
	if requestID != "" {
		s.requests[requestID] = q
	}
	s.order = append(s.order, q)
	s.forget()
	s.running.Go(func() { s.run(ctx, q, in) })
	return q
}

// queryID looks like Snowflake's: a UUID whose first part counts up.
func (s *Server) queryID() string {
	id := newUUID()
	return fmt.Sprintf("01%06x", s.nextQuery.Add(1)) + id[8:]
}

// forget drops the oldest finished results over the limits. The statement log stays.
func (s *Server) forget() {
	kept, bytes := 0, int64(0)
	for i := len(s.order) - 1; i >= 0; i-- {
		q := s.order[i]
		q.mu.Lock()
		if q.result != nil {
			kept++
			bytes += int64(q.result.bytes())
			if kept > s.cfg.KeepResults || kept > 1 && bytes > s.cfg.KeepBytes {
				q.result = &result{columns: q.result.columns, statement: q.result.statement, total: q.result.total}
				q.lost = true
			}
		}
		q.mu.Unlock()
	}
}

func (s *Server) run(ctx context.Context, q *query, in queryRequest) {
	defer q.cancel()
	ses := q.session
	ses.run.Lock()
	defer ses.run.Unlock()
	if err := pause(ctx, s.faults.slow()); err != nil {
		q.finish(nil, errCanceled)
		return
	}
	limit, seconds := ses.timeout()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := s.execute(ctx, q, in)
	if err == nil {
		err = ctx.Err()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = &Error{"000630", "57014", "Statement reached its statement or warehouse timeout of " + seconds + " second(s) and was canceled."}
	}
	if err != nil {
		failure := s.translate(err)
		s.log.DebugContext(ctx, "statement failed", "query_id", q.id, "code", failure.Code)
		q.finish(nil, failure)
		return
	}
	r.binds = len(in.Bindings)
	r.database, r.schema, r.warehouse, r.role = ses.database, ses.schema, ses.warehouse, ses.role
	ses.lastQuery = q.id
	q.finish(r, nil)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

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

func (s *Server) find(id string) *query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queries[id]
}

func (s *Server) queryResult(w http.ResponseWriter, req *http.Request, _ *session) {
	id := req.PathValue("id")
	q := s.find(id)
	if q == nil || s.faults.lost() {
		writeFailure(w, &Error{"000709", "02000", "Statement " + id + " not found"}, map[string]any{"queryId": id, "errorMessage": ""})
		return
	}
	s.answer(w, req, q, "333334", false)
}

// abortRequest cancels a statement by the request that started it.
func (s *Server) abortRequest(w http.ResponseWriter, req *http.Request, ses *session) {
	var in struct {
		RequestID string `json:"requestId"`
	}
	if !readJSON(w, req, &in) {
		return
	}
	s.mu.Lock()
	q := s.requests[in.RequestID]
	s.mu.Unlock()
	if q == nil || q.session != ses || !q.end().IsZero() {
		writeFailure(w, &Error{"000605", "57014", "Identified SQL statement is not currently executing."}, nil)
		return
	}
	q.cancel()
	writeJSON(w, success(nil))
}

func (q *query) status() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.finished.IsZero():
		return "RUNNING"
	case q.failure == errCanceled:
		return "ABORTED"
	case q.failure != nil:
		return "FAILED_WITH_ERROR"
	}
	return "SUCCESS"
}

func (s *Server) monitor(w http.ResponseWriter, req *http.Request, _ *session) {
	id := strings.TrimSpace(req.PathValue("id"))
	q := s.find(id)
	if q == nil || s.faults.lost() {
		writeJSON(w, success(map[string]any{"queries": []any{}}))
		return
	}
	writeJSON(w, success(map[string]any{"queries": []any{s.logEntry(q, true)}}))
}

package snowflake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxStatements bounds the statement log.
const maxStatements = 20000

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

// forget drops the oldest finished results over the limits, and the oldest entries of a
// statement log that has grown beyond measure.
func (s *Server) forget() {
	if len(s.order) > maxStatements {
		for _, q := range s.order[:maxStatements/2] {
			delete(s.queries, q.id)
			delete(s.requests, q.requestID)
		}
		s.order = append([]*query{}, s.order[maxStatements/2:]...)
	}
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
	r, err := s.guarded(ctx, q, in)
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

// guarded turns a panic over a statement nobody thought of into an error of that
// statement: the sandbox shares its process with the whole pipeline.
func (s *Server) guarded(ctx context.Context, q *query, in queryRequest) (r *result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, &Error{"300005", "XX000", fmt.Sprintf("The sandbox stumbled over this statement: %v", p)}
		}
	}()
	return s.execute(ctx, q, in)
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

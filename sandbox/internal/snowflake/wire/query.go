package wire

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/snowflake/engine"
	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// maxStatements bounds the statement log.
const maxStatements = 20000

// query is a statement, from its request until its result is dropped.
type query struct {
	id, requestID, text, tag string
	login                    *login
	detached                 bool // asyncExec: goes on after its session has ended
	describe                 bool
	started                  time.Time
	done                     chan struct{}
	cancel                   context.CancelFunc
	binds                    int

	mu       sync.Mutex
	finished time.Time
	result   *resultset.Result
	failure  *sferr.Error
	lost     bool
}

func (q *query) end() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.finished
}

func (q *query) finish(r *resultset.Result, failure *sferr.Error) {
	q.mu.Lock()
	q.result, q.failure, q.finished = r, failure, time.Now()
	q.mu.Unlock()
	close(q.done)
}

type queryRequest struct {
	SQL      string                       `json:"sqlText"`
	Async    bool                         `json:"asyncExec"`
	Describe bool                         `json:"describeOnly"`
	Params   map[string]any               `json:"parameters"`
	Bindings map[string]rewrite.BindValue `json:"bindings"`
	Stage    string                       `json:"bindStage"`
}

func (s *Server) queryRequest(w http.ResponseWriter, req *http.Request, ses *login) {
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

// startOrJoin starts a statement; a request with a known id is a retry and gets
// the statement that the first request started.
func (s *Server) startOrJoin(ses *login, requestID string, in queryRequest) *query {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q, ok := s.requests[requestID]; ok && requestID != "" && q.login == ses && q.text == in.SQL {
		return q
	}
	ctx, cancel := context.WithCancel(s.base)
	tag := ses.session.Param("QUERY_TAG")
	if v, ok := in.Params["QUERY_TAG"]; ok {
		tag = fmt.Sprint(v)
	}
	q := &query{
		id: s.queryID(), requestID: requestID, text: in.SQL, tag: tag, login: ses, detached: in.Async,
		describe: in.Describe, started: time.Now(), done: make(chan struct{}), cancel: cancel, binds: len(in.Bindings),
	}
	s.queries[q.id] = q
	if requestID != "" {
		s.requests[requestID] = q
	}
	s.order = append(s.order, q)
	s.dropOldResults()
	s.running.Go(func() { s.run(ctx, q, in) })
	return q
}

// queryID returns an id like Snowflake's: a UUID whose first part is a counter.
func (s *Server) queryID() string {
	id := newUUID()
	return fmt.Sprintf("01%06x", s.nextQuery.Add(1)) + id[8:]
}

// dropOldResults drops the oldest finished results beyond the limits on their number and
// size, and the older half of a statement log that has reached maxStatements.
func (s *Server) dropOldResults() {
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
			bytes += int64(q.result.Bytes())
			if kept > s.cfg.KeepResults || kept > 1 && bytes > engine.KeepBytes {
				q.result = &resultset.Result{Columns: q.result.Columns, Statement: q.result.Statement, Total: q.result.Total}
				q.lost = true
			}
		}
		q.mu.Unlock()
	}
}

func (s *Server) run(ctx context.Context, q *query, in queryRequest) {
	defer q.cancel()
	if err := engine.Pause(ctx, s.faults.slow()); err != nil {
		q.finish(nil, sferr.Canceled)
		return
	}
	if s.faults.takeRefusal() {
		q.finish(nil, sferr.New("000606", "57P03", "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command."))
		return
	}
	r, failure := q.login.session.Execute(ctx, engine.Request{
		QueryID: q.id, Text: q.text, Bindings: in.Bindings, Stage: in.Stage, Describe: in.Describe,
		VaryCarriers: s.faults.varied(), Statements: s,
	})
	if failure != nil {
		s.log.DebugContext(ctx, "statement failed", slog.String("query_id", q.id), slog.Any("code", failure.Code))
	}
	q.finish(r, failure)
}

// Result returns the stored result of a finished statement.
func (s *Server) Result(queryID string) (*resultset.Result, bool) {
	q := s.find(queryID)
	if q == nil {
		return nil, false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.result, q.result != nil && !q.lost
}

func (s *Server) find(id string) *query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queries[id]
}

func (s *Server) queryResult(w http.ResponseWriter, req *http.Request, _ *login) {
	id := req.PathValue("id")
	q := s.find(id)
	if q == nil || s.faults.lost() {
		writeFailure(w, sferr.New("000709", "02000", "Statement "+id+" not found"), map[string]any{"queryId": id, "errorMessage": ""})
		return
	}
	s.answer(w, req, q, "333334", false)
}

// abortRequest cancels a statement by the request that started it.
func (s *Server) abortRequest(w http.ResponseWriter, req *http.Request, ses *login) {
	var in struct {
		RequestID string `json:"requestId"`
	}
	if !readJSON(w, req, &in) {
		return
	}
	s.mu.Lock()
	q := s.requests[in.RequestID]
	s.mu.Unlock()
	if q == nil || q.login != ses || !q.end().IsZero() {
		writeFailure(w, sferr.New("000605", "57014", "Identified SQL statement is not currently executing."), nil)
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
	case q.failure == sferr.Canceled:
		return "ABORTED"
	case q.failure != nil:
		return "FAILED_WITH_ERROR"
	}
	return "SUCCESS"
}

func (s *Server) monitor(w http.ResponseWriter, req *http.Request, _ *login) {
	id := strings.TrimSpace(req.PathValue("id"))
	q := s.find(id)
	if q == nil || s.faults.lost() {
		writeJSON(w, success(map[string]any{"queries": []any{}}))
		return
	}
	writeJSON(w, success(map[string]any{"queries": []any{s.logEntry(q, true)}}))
}

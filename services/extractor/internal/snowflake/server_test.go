package snowflake

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/schemas"
)

// server answers as Snowflake does, as far as this package asks: a result of
// 10 inline rows and chunks of 5.
type server struct {
	t      *testing.T
	http   *httptest.Server
	mu     sync.Mutex
	total  int64 // rows that the result claims
	chunks int
	bodies []map[string]any // of query requests
	logins []map[string]any
	aborts int
	fail   func(sql string) (code, state, message string)                        // refuses a statement
	block  func(r *http.Request)                                                 // holds a query request up
	strike func(w http.ResponseWriter, r *http.Request, i int, body []byte) bool // spoils a chunk
	deafen func(w http.ResponseWriter, r *http.Request, n int) bool              // spoils the n-th abort
	shows  map[string]string                                                     // the session's parameters; without them it knows no SHOW
	// listings are its answers to other SHOW statements, by statement; it refuses the rest.
	listings map[string]listing
	tried    int // aborts, spoiled or not
	// monitoring is what it tells of a statement; nil tells nothing.
	monitoring func() string
	// flood answers a query in place of a result.
	flood func(w http.ResponseWriter)
	links int // generation of the chunks' links; older ones have expired
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, chunks: 3, total: 25}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /session/v1/login-request", s.login)
	mux.HandleFunc("POST /queries/v1/query-request", s.query)
	mux.HandleFunc("POST /queries/v1/abort-request", s.abort)
	mux.HandleFunc("GET /queries/{id}/result", s.result)
	mux.HandleFunc("GET /chunk/{i}", s.chunk)
	mux.HandleFunc("GET /monitoring/queries/{id}", func(w http.ResponseWriter, r *http.Request) {
		if s.monitoring == nil || !strings.HasPrefix(r.Header.Get("Authorization"), "Snowflake Token=") {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, `{"success":true,"data":{"queries":[%s]}}`, s.monitoring())
	})
	s.http = httptest.NewServer(mux)
	t.Cleanup(s.http.Close)
	return s
}

func (s *server) connection() schemas.SnowflakeConnectionSpec {
	host, port, err := net.SplitHostPort(s.http.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		s.t.Fatal(err)
	}
	return schemas.SnowflakeConnectionSpec{
		Account: "acme", User: "TAPLINE", Password: "canary-password", Role: "READ", Warehouse: "WH",
		Host: host, Port: n, Protocol: "http",
	}
}

func testConfig() Config {
	return Config{
		LoginTimeout: 5 * time.Second, StatementTimeout: time.Hour, QueuedTimeout: time.Minute,
		StallTimeout: 10 * time.Second, ChunkTries: 3, ChunkMegabytes: 16, AllowCustomEndpoints: true,
	}
}

func (s *server) open() *Session {
	s.t.Helper()
	return s.openWith(testConfig())
}

func (s *server) openWith(cfg Config) *Session {
	s.t.Helper()
	session, err := Open(s.t.Context(), cfg, s.connection(), Tag{Import: "customers", Run: "customers.1", TraceID: "abc"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(session.Close)
	return session
}

func (s *server) answer(w http.ResponseWriter, code, state, message string, data map[string]any) {
	if data == nil {
		data = map[string]any{}
	}
	if state != "" {
		data["sqlState"] = state
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]any{"success": state == "", "code": code, "message": message, "data": data}); err != nil {
		s.t.Error(err)
	}
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	body := s.body(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	data, _ := body["data"].(map[string]any)
	s.logins = append(s.logins, data)
	if data["PASSWORD"] == "wrong" || data["TOKEN"] != nil && len(s.logins) == 1 {
		s.answer(w, "390144", "08004", "JWT token is invalid", nil)
		return
	}
	s.answer(w, "", "", "", map[string]any{"token": "token", "masterToken": "master", "sessionId": 1, "parameters": []any{}})
}

func (s *server) body(r *http.Request) map[string]any {
	var out map[string]any
	raw, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		zr, zerr := gzip.NewReader(bytes.NewReader(raw))
		if zerr == nil {
			raw, err = io.ReadAll(zr)
		}
	}
	if err != nil || json.Unmarshal(raw, &out) != nil {
		s.t.Errorf("a request's body cannot be read: %v", err)
	}
	return out
}

func (s *server) query(w http.ResponseWriter, r *http.Request) {
	body := s.body(r)
	sql, _ := body["sqlText"].(string)
	s.mu.Lock()
	s.bodies = append(s.bodies, body)
	fail, block := s.fail, s.block
	s.mu.Unlock()
	if strings.HasPrefix(sql, "USE ") {
		s.answer(w, "002043", "02000", "unknown", nil)
		return
	}
	if strings.HasPrefix(sql, "SHOW PARAMETERS") {
		s.show(w)
		return
	}
	if strings.HasPrefix(sql, "SHOW ") {
		s.list(w, sql)
		return
	}
	if block != nil {
		block(r)
	}
	if fail != nil {
		if code, state, message := fail(sql); code != "" {
			s.answer(w, code, state, message, nil)
			return
		}
	}
	s.result(w, r)
}

func (s *server) list(w http.ResponseWriter, sql string) {
	found, ok := s.listings[sql]
	if !ok {
		s.answer(w, "002043", "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed.", nil)
		return
	}
	var types []any
	for _, name := range found.columns {
		types = append(types, map[string]any{"name": name, "type": "text", "nullable": true})
	}
	rows := append([][]any{}, found.rows...)
	s.answer(w, "", "", "", map[string]any{
		"queryId": "01b-9", "total": len(rows) + found.missing, "returned": len(rows), "queryResultFormat": "json", "rowtype": types, "rowset": rows,
	})
}

func (s *server) show(w http.ResponseWriter) {
	if s.shows == nil {
		s.answer(w, "001003", "42000", "syntax error", nil)
		return
	}
	rows := [][]any{}
	for name, value := range s.shows {
		rows = append(rows, []any{name, value, "", "", nil, "STRING"})
	}
	var types []any
	for _, name := range []string{"key", "value", "default", "level", "description", "type"} {
		types = append(types, map[string]any{"name": name, "type": "text", "nullable": true})
	}
	s.answer(w, "", "", "", map[string]any{
		"queryId": "01b-9", "total": len(rows), "returned": len(rows), "queryResultFormat": "json", "rowtype": types, "rowset": rows,
	})
}

func (s *server) result(w http.ResponseWriter, r *http.Request) {
	if id := r.PathValue("id"); id != "" && id != "01b-7" {
		s.answer(w, "000709", "02000", "Statement not found", nil)
		return
	}
	s.mu.Lock()
	links, flood := s.links, s.flood
	s.mu.Unlock()
	if flood != nil {
		flood(w)
		return
	}
	var chunks []any
	for i := range s.chunks {
		chunks = append(chunks, map[string]any{"url": fmt.Sprintf("%s/chunk/%d?links=%d", s.http.URL, i, links), "rowCount": 5})
	}
	s.answer(w, "", "", "", map[string]any{
		"queryId": "01b-7", "total": s.total, "returned": 10, "queryResultFormat": "arrow", "chunks": chunks,
		"rowtype":      []any{map[string]any{"name": "N", "type": "fixed", "precision": 38, "scale": 0, "nullable": false}},
		"rowsetBase64": base64.StdEncoding.EncodeToString(numbers(0, 10)),
	})
}

func (s *server) abort(w http.ResponseWriter, r *http.Request) {
	id := s.body(r)["requestId"]
	s.mu.Lock()
	s.tried++
	n, deafen := s.tried, s.deafen
	s.mu.Unlock()
	if deafen != nil && deafen(w, r, n) {
		return
	}
	if id == "" || id == nil {
		s.t.Error("an abort names no request")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aborts++
	s.answer(w, "", "", "", nil)
}

func (s *server) chunk(w http.ResponseWriter, r *http.Request) {
	i, err := strconv.Atoi(r.PathValue("i"))
	if err != nil {
		s.t.Error(err)
	}
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	if _, err := zw.Write(numbers(10+5*i, 5)); err != nil {
		s.t.Error(err)
	}
	if err := zw.Close(); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	strike, links := s.strike, s.links
	s.mu.Unlock()
	if r.URL.Query().Get("links") != strconv.Itoa(links) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
		return
	}
	if strike != nil && strike(w, r, i, buf.Bytes()) {
		return
	}
	if _, err := w.Write(buf.Bytes()); err != nil && r.Context().Err() == nil {
		s.t.Error(err)
	}
}

// numbers is a chunk of n rows that count up.
func numbers(from, n int) []byte {
	b := array.NewInt64Builder(memory.NewGoAllocator())
	for i := range n {
		b.Append(int64(from + i))
	}
	col := b.NewArray()
	schema := arrow.NewSchema([]arrow.Field{{Name: "N", Type: col.DataType()}}, nil)
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
	if err := w.Write(array.NewRecordBatch(schema, []arrow.Array{col}, int64(n))); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

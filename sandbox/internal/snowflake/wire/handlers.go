package wire

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/engine"
	"tapline.dev/sandbox/internal/snowflake/sferr"
)

const maxRequestBytes = 256 << 20

// readJSON reads a request body, compressed or not. If it fails, it answers the request.
func readJSON(w http.ResponseWriter, req *http.Request, to any) bool {
	var body io.Reader = http.MaxBytesReader(w, req.Body, maxRequestBytes)
	if strings.EqualFold(req.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, "bad gzip", http.StatusBadRequest)
			return false
		}
		body = io.LimitReader(z, maxRequestBytes)
	}
	if err := json.NewDecoder(body).Decode(to); err != nil && err != io.EOF {
		writeFailure(w, sferr.New("390400", "08001", "Bad request."), nil)
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // fails only if the client has disconnected
}

func writeFailure(w http.ResponseWriter, e *sferr.Error, data map[string]any) {
	if data == nil {
		data = map[string]any{}
	}
	data["sqlState"], data["errorCode"] = e.SQLState, e.Code
	writeJSON(w, map[string]any{"success": false, "code": e.Code, "message": e.Message, "data": data, "headers": nil})
}

func success(data any) map[string]any {
	return map[string]any{"success": true, "code": nil, "message": nil, "data": data}
}

func bearer(req *http.Request) string {
	token := strings.TrimPrefix(req.Header.Get("Authorization"), "Snowflake Token=")
	return strings.Trim(token, `"`)
}

// sessionOf finds the session of a request's token.
func (s *Server) sessionOf(req *http.Request) (*login, *sferr.Error) {
	token := bearer(req)
	if token == "" {
		return nil, sferr.New("390101", "08001", "Authorization header not found in the request data.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.sessions {
		ses.mu.Lock()
		current, expires, old := ses.token, ses.expires, ses.master
		ses.mu.Unlock()
		if equal(token, current) {
			if time.Now().After(expires) {
				return nil, sferr.New("390112", "08001", "Your session has expired. Please login again.")
			}
			return ses, nil
		}
		if equal(token, old) {
			return nil, sferr.New("390104", "08001", "Session token is invalid.")
		}
	}
	return nil, sferr.New("390104", "08001", "Session no longer exists or its token is invalid. New login required to access the service.")
}

func (s *Server) withSession(next func(http.ResponseWriter, *http.Request, *login)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		if s.faults.takeExpire() {
			s.expireSessions()
		}
		ses, bad := s.sessionOf(req)
		if bad != nil {
			writeFailure(w, bad, nil)
			return
		}
		next(w, req, ses)
	}
}

func (s *Server) expireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.sessions {
		ses.mu.Lock()
		ses.expires = time.Now().Add(-time.Second)
		ses.mu.Unlock()
	}
}

// renewToken returns a new session token for a master token.
func (s *Server) renewToken(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Type string `json:"requestType"`
	}
	if !readJSON(w, req, &in) {
		return
	}
	token := bearer(req)
	s.mu.Lock()
	var found *login
	for _, ses := range s.sessions {
		ses.mu.Lock()
		if token != "" && equal(token, ses.master) {
			found = ses
		}
		ses.mu.Unlock()
	}
	s.mu.Unlock()
	switch {
	case found == nil:
		writeFailure(w, sferr.New("390113", "08001", "Authentication token not found."), nil)
		return
	case in.Type != "RENEW":
		writeFailure(w, sferr.New("390400", "08001", "Unknown request type."), nil)
		return
	}
	found.mu.Lock()
	expired := time.Now().After(found.masterEnd)
	found.mu.Unlock()
	if expired {
		writeFailure(w, sferr.New("390114", "08001", "Authentication token has expired.  The user must authenticate again."), nil)
		return
	}
	if err := found.renew(s.cfg.SessionValidity); err != nil {
		writeFailure(w, s.engine.Translate(err), nil)
		return
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	writeJSON(w, success(map[string]any{
		"sessionToken": found.token, "validityInSecondsST": int(s.cfg.SessionValidity.Seconds()),
		"masterToken": found.master, "validityInSecondsMT": int(engine.MasterValidity.Seconds()), "sessionId": found.id,
	}))
}

func (s *Server) heartbeat(w http.ResponseWriter, _ *http.Request, ses *login) {
	ses.mu.Lock()
	ses.expires = time.Now().Add(s.cfg.SessionValidity)
	ses.masterEnd = time.Now().Add(engine.MasterValidity)
	ses.mu.Unlock()
	writeJSON(w, success(nil))
}

func (s *Server) telemetry(w http.ResponseWriter, req *http.Request, _ *login) {
	_, _ = io.Copy(io.Discard, req.Body) // the sandbox does not use it
	writeJSON(w, success("Log Received"))
}

// deleteSession ends a session and what it runs.
func (s *Server) deleteSession(w http.ResponseWriter, req *http.Request) {
	ses, bad := s.sessionOf(req)
	if bad != nil {
		writeFailure(w, bad, nil)
		return
	}
	if req.URL.Query().Get("delete") != "true" {
		writeFailure(w, sferr.New("390400", "08001", "Bad request."), nil)
		return
	}
	s.mu.Lock()
	delete(s.sessions, ses.id)
	for _, q := range s.order {
		if q.login == ses && q.end().IsZero() && !q.detached {
			q.cancel()
		}
	}
	s.mu.Unlock()
	if err := ses.session.Close(req.Context()); err != nil {
		s.log.WarnContext(req.Context(), "closing session", slog.Any("error", err))
	}
	writeJSON(w, success(nil))
}

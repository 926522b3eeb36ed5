package snowflake

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

const maxRequestBytes = 256 << 20

// readJSON reads a request body, packed or not; on failure it answers itself.
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
		writeFailure(w, &Error{"390400", "08001", "Bad request."}, nil)
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone; nobody to tell
}

func writeFailure(w http.ResponseWriter, e *Error, data map[string]any) {
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
func (s *Server) sessionOf(req *http.Request) (*session, *Error) {
	token := bearer(req)
	if token == "" {
		return nil, &Error{"390101", "08001", "Authorization header not found in the request data."}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.sessions {
		ses.mu.Lock()
		current, expires, old := ses.token, ses.expires, ses.master
		ses.mu.Unlock()
		if equal(token, current) {
			if time.Now().After(expires) {
				return nil, &Error{"390112", "08001", "Your session has expired. Please login again."}
			}
			return ses, nil
		}
		if equal(token, old) {
			return nil, &Error{"390104", "08001", "Session token is invalid."}
		}
	}
	return nil, &Error{"390104", "08001", "Session no longer exists or its token is invalid. New login required to access the service."}
}

func (s *Server) withSession(next func(http.ResponseWriter, *http.Request, *session)) http.HandlerFunc {
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

// renewToken answers a session token for a master token.
func (s *Server) renewToken(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Type string `json:"requestType"`
	}
	if !readJSON(w, req, &in) {
		return
	}
	token := bearer(req)
	s.mu.Lock()
	var found *session
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
		writeFailure(w, &Error{"390113", "08001", "Authentication token not found."}, nil)
		return
	case in.Type != "RENEW":
		writeFailure(w, &Error{"390400", "08001", "Unknown request type."}, nil)
		return
	}
	found.mu.Lock()
	expired := time.Now().After(found.masterEnd)
	found.mu.Unlock()
	if expired {
		writeFailure(w, &Error{"390114", "08001", "Authentication token has expired.  The user must authenticate again."}, nil)
		return
	}
	if err := found.renew(); err != nil {
		writeFailure(w, s.translate(err), nil)
		return
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	writeJSON(w, success(map[string]any{
		"sessionToken": found.token, "validityInSecondsST": int(s.cfg.SessionValidity.Seconds()),
		"masterToken": found.master, "validityInSecondsMT": int(s.cfg.MasterValidity.Seconds()), "sessionId": found.id,
	}))
}

func (s *Server) heartbeat(w http.ResponseWriter, _ *http.Request, ses *session) {
	ses.mu.Lock()
	ses.expires = time.Now().Add(s.cfg.SessionValidity)
	ses.masterEnd = time.Now().Add(s.cfg.MasterValidity)
	ses.mu.Unlock()
	writeJSON(w, success(nil))
}

func (s *Server) telemetry(w http.ResponseWriter, req *http.Request, _ *session) {
	_, _ = io.Copy(io.Discard, req.Body) // taken and forgotten
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
		writeFailure(w, &Error{"390400", "08001", "Bad request."}, nil)
		return
	}
	s.mu.Lock()
	delete(s.sessions, ses.id)
	for _, q := range s.order {
		if q.session == ses && q.end().IsZero() && !q.detached {
			q.cancel()
		}
	}
	s.mu.Unlock()
	if err := ses.close(req.Context()); err != nil {
		s.log.WarnContext(req.Context(), "closing session", "error", err)
	}
	writeJSON(w, success(nil))
}

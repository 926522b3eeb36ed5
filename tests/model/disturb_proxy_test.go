package model

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"
)

// proxyDisturbances are faults of a proxy between the loader and CleverTap. None of its
// answers settles a request.
func proxyDisturbances() []disturbance {
	out := []disturbance{
		{name: "a firewall's 403 for everything", before: func(s *scenario) {
			s.mayReject["request_blocked"], s.mayEnd["too_many_rejects"] = true, true
			s.gate.misbehave(1+s.rng.IntN(3), answer{name: "a firewall's 403 for everything", never: true, reply: status(http.StatusForbidden)})
		}},
		{name: "a firewall's 403 for one record", before: func(s *scenario) {
			s.mayReject["request_blocked"], s.mayEnd["too_many_rejects"] = true, true
			if r, ok := s.pick(); ok {
				s.gate.forbid(r.content())
			}
		}},
		{name: "slower than the timeout by the record", before: func(s *scenario) {
			s.mayRepeat = true
			s.mayReject["ambiguous"], s.mayReject["request_unanswered"] = true, true
			each := s.w.requestTimeout() * 2 / 5
			s.gate.misbehave(6, answer{name: "slower than the timeout by the record", slow: each})
		}},
	}
	for name, reply := range unsettled() {
		out = append(out, disturbance{name: name, before: func(s *scenario) {
			s.mayRepeat = true // what was applied and not answered is sent again
			s.mayReject["ambiguous"] = true
			// They may hit a single record for as long as it is tried.
			s.mayReject["request_unanswered"], s.mayEnd["too_many_rejects"] = true, true
			a := answer{name: name, reply: reply}
			switch s.rng.IntN(3) {
			case 0: // CleverTap applies it, and the proxy answers so afterwards
			case 1:
				a.never = true
			default:
				a.late = s.lateness(s.rng)
			}
			s.gate.misbehave(1+s.rng.IntN(4), a)
		}})
	}
	return out
}

// unsettled returns all replies after which the request may still be applied.
func unsettled() map[string]reply {
	out := map[string]reply{
		"a reset":         hangUp,
		"no answer":       silent,
		"half an answer":  truncated,
		"an empty 200":    page(http.StatusOK, "text/plain", ""),
		"a proxy's 200":   page(http.StatusOK, "text/html", "<html>welcome</html>"),
		"a proxy's 401":   page(http.StatusUnauthorized, "text/html", "<html>who are you?</html>"),
		"a proxy's 429":   page(http.StatusTooManyRequests, "text/html", "<html>slow down</html>"),
		"a proxy's 408":   status(http.StatusRequestTimeout),
		"fail, no errors": page(http.StatusOK, "application/json", `{"status":"fail","processed":0,"unprocessed":[]}`),
	}
	for _, code := range []int{500, 502, 503, 504, 520} {
		out[fmt.Sprint("a proxy's ", code)] = status(code)
	}
	return out
}

// lateness draws how long a request waits in the proxy's queue: within the time
// in which it may still be applied.
func (s *scenario) lateness(rng *rand.Rand) time.Duration {
	most := s.w.openTime() * 6 / 10
	return 50*time.Millisecond + time.Duration(rng.Int64N(int64(most)))
}

// reply writes the answer that the loader gets.
type reply func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder)

// status replies with a proxy's page.
func status(code int) reply {
	return page(code, "text/html", fmt.Sprintf("<html><body>%d from the proxy</body></html>", code))
}

func page(code int, contentType, text string) reply {
	return func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

// hangUp closes the connection without a reply.
func hangUp(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// silent does not reply until the loader has ended the request.
func silent(_ http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
	<-r.Context().Done()
}

// truncated closes the connection in the middle of an answer.
func truncated(w http.ResponseWriter, r *http.Request, rec *httptest.ResponseRecorder) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, `{"status":"succ`)
	_ = http.NewResponseController(w).Flush()
	hangUp(w, r, rec)
}

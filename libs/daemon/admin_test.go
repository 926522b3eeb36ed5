package daemon

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestProfilesStayOnThisMachine: another machine, and a page whose name was turned
// to this address, see no profile; probes and metrics they see.
func TestProfilesStayOnThisMachine(t *testing.T) {
	t.Parallel()
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	h := handler(NewHealth(), metrics)
	for name, c := range map[string]struct {
		remote, host, path string
		want               int
	}{
		"this machine":             {"127.0.0.1:40000", "127.0.0.1:19010", "/debug/pprof/", 200},
		"this machine by name":     {"[::1]:40000", "localhost:19010", "/debug/pprof/symbol", 200},
		"another machine":          {"10.0.0.9:40000", "10.0.0.7:19010", "/debug/pprof/", 404},
		"another machine's heap":   {"10.0.0.9:40000", "127.0.0.1:19010", "/debug/pprof/heap", 404},
		"a name that was rebound":  {"127.0.0.1:40000", "rebound.example:19010", "/debug/pprof/symbol", 404},
		"another machine's probe":  {"10.0.0.9:40000", "10.0.0.7:19010", "/livez", 200},
		"another machine's scrape": {"10.0.0.9:40000", "10.0.0.7:19010", "/metrics", 200},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody)
		r.RemoteAddr, r.Host = c.remote, c.host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %s = %d, want %d", name, c.path, w.Code, c.want)
		}
	}
}

package daemon

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestProfilesStayOnThisMachine: another machine, and a page whose name was turned
// to this address, see no profile; probes and metrics they see.
func TestProfilesStayOnThisMachine(t *testing.T) {
	t.Parallel()
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	h := handler(AdminConfig{Profiles: true}, NewHealth(), metrics, &slog.LevelVar{})
	off := handler(AdminConfig{}, NewHealth(), metrics, &slog.LevelVar{})
	for name, c := range map[string]struct {
		remote, host, path string
		want               int
	}{
		"this machine":             {"127.0.0.1:40000", "127.0.0.1:19010", "/debug/pprof/", 200},
		"this machine by name":     {"[::1]:40000", "localhost:19010", "/debug/pprof/symbol", 200},
		"another machine":          {"10.0.0.9:40000", "10.0.0.7:19010", "/debug/pprof/", 404},
		"another machine's heap":   {"10.0.0.9:40000", "127.0.0.1:19010", "/debug/pprof/heap", 404},
		"a name that was rebound":  {"127.0.0.1:40000", "rebound.example:19010", "/debug/pprof/symbol", 404},
		"this machine's build":     {"127.0.0.1:40000", "127.0.0.1:19010", "/debug/build", 200},
		"another machine's build":  {"10.0.0.9:40000", "10.0.0.7:19010", "/debug/build", 404},
		"another machine's level":  {"10.0.0.9:40000", "10.0.0.7:19010", "/debug/log-level", 404},
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
		if !strings.HasPrefix(c.path, "/debug/pprof/") {
			continue
		}
		w = httptest.NewRecorder()
		if off.ServeHTTP(w, r); w.Code != http.StatusNotFound {
			t.Errorf("%s: %s = %d where profiles are not asked for", name, c.path, w.Code)
		}
	}
}

// TestTheLogLevelChangesWhileItRuns: by a request of this machine, to a level that there is.
func TestTheLogLevelChangesWhileItRuns(t *testing.T) {
	t.Parallel()
	level := &slog.LevelVar{}
	h := handler(AdminConfig{}, NewHealth(), http.NotFoundHandler(), level)
	for _, c := range []struct {
		remote, body string
		status       int
		want         slog.Level
	}{
		{"127.0.0.1:40000", "DEBUG\n", 200, slog.LevelDebug},
		{"127.0.0.1:40000", "loud", 400, slog.LevelDebug},
		{"10.0.0.9:40000", "ERROR", 404, slog.LevelDebug},
		{"127.0.0.1:40000", "warn", 200, slog.LevelWarn},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/debug/log-level", strings.NewReader(c.body))
		r.RemoteAddr, r.Host = c.remote, "127.0.0.1:19010"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || level.Level() != c.want {
			t.Errorf("%q from %s = %d, and the level is %s; want %d, %s", c.body, c.remote, w.Code, level.Level(), c.status, c.want)
		}
	}
}

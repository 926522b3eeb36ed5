package guard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tapline.dev/services/importcenter/internal/access"
)

func TestClientBehindProxies(t *testing.T) {
	t.Parallel()
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "2001:db8::7"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"no proxy":                    {"203.0.113.5:4711", nil, "203.0.113.5"},
		"somebody who says otherwise": {"203.0.113.5:4711", []string{"198.51.100.1"}, "203.0.113.5"},
		"one proxy":                   {"10.0.0.7:4711", []string{"198.51.100.1"}, "198.51.100.1"},
		"a proxy of the sixth":        {"[2001:db8::7]:4711", []string{"2001:db8::9"}, "2001:db8::9"},
		"a mapped address":            {"[::ffff:10.0.0.7]:4711", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"two proxies":                 {"10.0.0.7:4711", []string{"198.51.100.1, 10.0.0.8"}, "198.51.100.1"},
		"two headers":                 {"10.0.0.7:4711", []string{"198.51.100.1", "10.0.0.8"}, "198.51.100.1"},
		"a forged beginning":          {"10.0.0.7:4711", []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		"with a port":                 {"10.0.0.7:4711", []string{"198.51.100.1:999"}, "198.51.100.1"},
		"a proxy that says nothing":   {"10.0.0.7:4711", nil, "10.0.0.7"},
		"no address":                  {"10.0.0.7:4711", []string{"unknown"}, "10.0.0.7"},
		"proxies alone":               {"10.0.0.7:4711", []string{"10.0.0.9, 10.0.0.8"}, "10.0.0.9"},
		"more than can be":            {"10.0.0.7:4711", []string{"198.51.100.1" + strings.Repeat(", 10.0.0.8", 1000)}, "10.0.0.8"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Host, r.RemoteAddr, r.Header[forwardedHeader] = "localhost", c.remote, c.forwarded
		var got string
		Handler(Config{Proxies: proxies}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = access.OriginOf(r.Context()).Addr }),
			func(http.ResponseWriter, *http.Request, Refusal) { t.Error("refused") }).ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for _, bad := range []string{"", "proxy.example.com", "10.0.0.0/33", "0.0.0.0/0", "::/0"} {
		if _, err := ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q is trusted", bad)
		}
	}
}

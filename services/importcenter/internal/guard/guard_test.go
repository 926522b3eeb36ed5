package guard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	cfg := Config{Addr: "10.0.0.7:19000", Hosts: []string{"tapline.example.com", "import-center:19000"}, Origins: []string{"https://tools.example.com"}}
	const page = "http://evil.example"
	for name, c := range map[string]struct {
		method, host, body string
		header             []string // keys and values
		want               int
	}{
		"loopback":                            {"GET", "127.0.0.1:19000", "", nil, 200},
		"loopback by name":                    {"GET", "localhost:19000", "", nil, 200},
		"loopback of the sixth version":       {"GET", "[::1]:19000", "", nil, 200},
		"the address itself":                  {"GET", "10.0.0.7:19000", "", nil, 200},
		"another address":                     {"GET", "10.0.0.8:19000", "", nil, 421},
		"a listed name on any port":           {"GET", "Tapline.Example.com:8443", "", nil, 200},
		"a listed name on its port":           {"GET", "import-center:19000", "", nil, 200},
		"a listed name on another port":       {"GET", "import-center:19001", "", nil, 421},
		"a rebinding name":                    {"GET", "rebind.evil.example:19000", "", nil, 421},
		"a rebinding name, changing":          {"POST", "rebind.evil.example:19000", "", nil, 421},
		"a name that only begins like ours":   {"GET", "localhost.evil.example", "", nil, 421},
		"no name":                             {"GET", "", "", nil, 421},
		"a client without a browser":          {"POST", "localhost:19000", "", nil, 200},
		"a client with a body":                {"POST", "localhost:19000", "{}", []string{"Content-Type", "application/json"}, 200},
		"a body with a charset":               {"POST", "localhost:19000", "{}", []string{"Content-Type", "application/json; charset=utf-8"}, 200},
		"a merge patch":                       {"PATCH", "localhost:19000", "{}", []string{"Content-Type", "application/merge-patch+json"}, 200},
		"a form":                              {"POST", "localhost:19000", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"plain text":                          {"POST", "localhost:19000", "{}", []string{"Content-Type", "text/plain"}, 415},
		"a body without a type":               {"POST", "localhost:19000", "{}", nil, 415},
		"two types":                           {"POST", "localhost:19000", "{}", []string{"Content-Type", "application/json", "Content-Type", "text/plain"}, 415},
		"our page":                            {"POST", "localhost:19000", "", []string{"Origin", "http://localhost:19000", "Sec-Fetch-Site", "same-origin"}, 200},
		"our page behind a proxy's TLS":       {"POST", "tapline.example.com", "", []string{"Origin", "https://tapline.example.com"}, 200},
		"a page of another port":              {"POST", "localhost:19000", "", []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "same-site"}, 403},
		"another page":                        {"POST", "localhost:19000", "", []string{"Origin", page, "Sec-Fetch-Site", "cross-site"}, 403},
		"another page without Sec-Fetch":      {"POST", "localhost:19000", "", []string{"Origin", page}, 403},
		"a page that hides its origin":        {"POST", "localhost:19000", "", []string{"Origin", "null"}, 403},
		"two origins":                         {"POST", "localhost:19000", "", []string{"Origin", "http://localhost:19000", "Origin", page}, 403},
		"only Sec-Fetch-Site":                 {"DELETE", "localhost:19000", "", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"two Sec-Fetch-Sites":                 {"DELETE", "localhost:19000", "", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Site", "cross-site"}, 403},
		"a preflight":                         {"OPTIONS", "localhost:19000", "", []string{"Origin", page, "Access-Control-Request-Method", "PUT"}, 403},
		"a page that the deployment trusts":   {"POST", "localhost:19000", "", []string{"Origin", "https://tools.example.com", "Sec-Fetch-Site", "cross-site"}, 200},
		"reading from another page":           {"GET", "localhost:19000", "", []string{"Origin", page, "Sec-Fetch-Site", "cross-site"}, 403},
		"reading as a script of another page": {"GET", "localhost:19000", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		"reading, without Sec-Fetch":          {"GET", "localhost:19000", "", []string{"Origin", page}, 403},
		"reading from a page we trust":        {"GET", "localhost:19000", "", []string{"Origin", "https://tools.example.com", "Sec-Fetch-Site", "cross-site"}, 200},
		"reading from our page":               {"GET", "localhost:19000", "", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, 200},
		"the address bar":                     {"GET", "localhost:19000", "", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		"a link to the API":                   {"GET", "localhost:19000", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		"a chunked body of an unknown length": {"POST", "localhost:19000", "chunked", []string{"Content-Type", "text/plain"}, 415},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), c.method, "/v1/imports", strings.NewReader(c.body))
			if c.body == "chunked" {
				r.ContentLength = -1
			}
			r.Host = c.host
			for i := 0; i+1 < len(c.header); i += 2 {
				r.Header.Add(c.header[i], c.header[i+1])
			}
			w := httptest.NewRecorder()
			Handler(cfg, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
				func(w http.ResponseWriter, _ *http.Request, refusal Refusal) { w.WriteHeader(refusal.Status) }).ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%d, want %d", w.Code, c.want)
			}
			for _, key := range []string{"X-Content-Type-Options", "Cache-Control", "Content-Security-Policy", RequestIDHeader} {
				if w.Header().Get(key) == "" {
					t.Errorf("the answer has no %s", key)
				}
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("the answer lets another page read it")
			}
		})
	}
}

// TestPagesCanBeLinkedTo: what is no answer of the API may be reached from another
// site, as the provider sends people back, but not be embedded there.
func TestPagesCanBeLinkedTo(t *testing.T) {
	t.Parallel()
	for dest, want := range map[string]int{"document": http.StatusOK, "iframe": http.StatusForbidden} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:19000/auth/callback", http.NoBody)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", dest)
		w := httptest.NewRecorder()
		Handler(Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
			func(w http.ResponseWriter, _ *http.Request, refusal Refusal) { w.WriteHeader(refusal.Status) }).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("a %s = %d, want %d", dest, w.Code, want)
		}
	}
}

// TestHeaders: every answer forbids what a browser could do with it.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	Config{TLS: true}.headers(h, "id")
	for key, parts := range map[string][]string{
		"Content-Security-Policy":      {"default-src 'none'", "object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"},
		"Strict-Transport-Security":    {"max-age=31536000", "includeSubDomains"},
		"Referrer-Policy":              {"no-referrer"},
		"X-Content-Type-Options":       {"nosniff"},
		"Cache-Control":                {"no-store"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
	} {
		for _, part := range parts {
			if !strings.Contains(h.Get(key), part) {
				t.Errorf("%s is %q, without %s", key, h.Get(key), part)
			}
		}
	}
	plain := http.Header{}
	Config{}.headers(plain, "id")
	if plain.Get("Strict-Transport-Security") != "" {
		t.Error("without TLS the answer demands TLS")
	}
}

func TestUnspecifiedAddressIsNoName(t *testing.T) {
	t.Parallel()
	if (Config{Addr: "0.0.0.0:19000"}).isOwnHost("0.0.0.0:19000") {
		t.Error("0.0.0.0 is taken for a name of the server's; browsers let pages reach it")
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	l, now := NewLimiter(60), time.Unix(0, 0)
	for i := range 60 {
		if !l.Take(http.Header{}, "ci", now) {
			t.Fatalf("request %d is refused", i+1)
		}
	}
	h := http.Header{}
	if l.Take(h, "ci", now) || h.Get("Retry-After") != "1" || h.Get("RateLimit") != `"caller";r=0;t=60` || h.Get("RateLimit-Policy") != `"caller";q=60;w=60` {
		t.Errorf("the request too many has %v", h)
	}
	if !l.Take(http.Header{}, "maya", now) {
		t.Error("another caller is refused too")
	}
	if !l.Take(http.Header{}, "ci", now.Add(time.Second)) || l.Take(http.Header{}, "ci", now.Add(time.Second)) {
		t.Error("a second later there is not exactly one request more")
	}
}

func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := NewLimiter(60)
	for i := range maxCallers + 100 {
		l.Take(http.Header{}, strings.Repeat("x", i%7)+time.Unix(int64(i), 0).String(), time.Unix(int64(i), 0))
	}
	if len(l.callers) > maxCallers {
		t.Errorf("%d callers are remembered", len(l.callers))
	}
}

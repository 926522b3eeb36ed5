package page

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const document = `<meta name="csp-nonce" content="__TAPLINE_NONCE__"><meta name="base-path" content="/__TAPLINE_BASE__/"><script src="/__TAPLINE_BASE__/assets/index-1.js"></script>`

func built() fstest.MapFS {
	return fstest.MapFS{
		"index.html":            {Data: []byte(document)},
		"assets/index-1.js":     {Data: []byte(strings.Repeat("console.log(1);", 100))},
		"assets/style-1.css":    {Data: []byte("a{}")},
		"assets/sub/shape.svg":  {Data: []byte("<svg/>")},
		"assets/unknown.tapkin": {Data: []byte("x")},
	}
}

func newPage(t *testing.T, base string) *Page {
	t.Helper()
	p, err := New(built(), base)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func request(method, path string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

const html = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestHas(t *testing.T) {
	t.Parallel()
	p := newPage(t, "")
	for _, c := range []struct {
		name string
		r    *http.Request
		want bool
	}{
		{"a browser opens the root", request("GET", "/", "Accept", html), true},
		{"a browser opens a screen", request("GET", "/imports/customers", "Accept", html), true},
		{"a browser opens an address that no screen has", request("GET", "/nope", "Accept", html), true},
		{"a script", request("GET", "/assets/index-1.js"), true},
		{"curl at the root", request("GET", "/", "Accept", "*/*"), false},
		{"the API in a browser", request("GET", "/v1/imports", "Accept", html), false},
		{"the sign-in in a browser", request("GET", "/auth/login", "Accept", html), false},
		{"the API's document in a browser", request("GET", "/openapi.yaml", "Accept", html), false},
		{"a form", request("POST", "/", "Accept", html), false},
	} {
		if got := p.Has(c.r); got != c.want {
			t.Errorf("%s: Has is %v", c.name, got)
		}
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	p := newPage(t, "/tapline")
	policies := map[string]bool{}
	for range 2 {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, request("GET", "/runs/customers.1", "Accept", html))
		policy := w.Header().Get("Content-Security-Policy")
		policies[policy] = true
		_, rest, _ := strings.Cut(policy, "'nonce-")
		nonce, _, _ := strings.Cut(rest, "'")
		want := `<meta name="csp-nonce" content="` + nonce + `"><meta name="base-path" content="/tapline/"><script src="/tapline/assets/index-1.js"></script>`
		if diff := cmp.Diff(want, w.Body.String()); diff != "" {
			t.Error(diff)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("the document may be cached, and a new version would not be seen")
		}
		for _, part := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("the policy %q lacks %s", policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("the policy %q allows what is unsafe", policy)
		}
	}
	if len(policies) != 2 {
		t.Error("two documents have the same nonce")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	p := newPage(t, "")
	for _, c := range []struct {
		path, kind string
		status     int
	}{
		{"/assets/index-1.js", "text/javascript; charset=utf-8", 200},
		{"/assets/style-1.css", "text/css; charset=utf-8", 200},
		{"/assets/sub/shape.svg", "image/svg+xml", 200},
		{"/assets/unknown.tapkin", "application/octet-stream", 200},
		{"/assets/index-0.js", "text/plain; charset=utf-8", 404},
		{"/assets/", "text/plain; charset=utf-8", 404},
		{"/assets/../index.html", "text/plain; charset=utf-8", 404},
		{"/assets/../../go.mod", "text/plain; charset=utf-8", 404},
	} {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, request("GET", c.path))
		if w.Code != c.status || w.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s: %d %s, want %d %s", c.path, w.Code, w.Header().Get("Content-Type"), c.status, c.kind)
		}
		if cached := strings.Contains(w.Header().Get("Cache-Control"), "immutable"); cached != (c.status == 200) {
			t.Errorf("%s: Cache-Control is %q", c.path, w.Header().Get("Cache-Control"))
		}
	}
}

func TestFilesAreCompressed(t *testing.T) {
	t.Parallel()
	p := newPage(t, "")
	want := string(built()["assets/index-1.js"].Data)
	for accept, zipped := range map[string]bool{"gzip, br": true, "br;q=1.0, gzip;q=0.8": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0": false} {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, request("GET", "/assets/index-1.js", "Accept-Encoding", accept))
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: compressed is %v", accept, got)
			continue
		}
		var body io.Reader = w.Body
		if zipped {
			r, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = r
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != want {
			t.Errorf("%q: %d bytes, %v", accept, len(got), err)
		}
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, request("GET", "/assets/style-1.css", "Accept-Encoding", "gzip"))
	if w.Header().Get("Content-Encoding") != "" {
		t.Error("a file that grows by compression is compressed")
	}
}

func TestBelow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, asked, want string }{
		{"", "/v1/imports", "/v1/imports"},
		{"/tapline", "/tapline/v1/imports", "/v1/imports"},
		{"/tapline", "/tapline", "/"},
		{"/tapline", "/tapline/", "/"},
		{"/tapline", "/v1/imports", "/v1/imports"},
		{"/tapline", "/taplines/v1", "/taplines/v1"},
		{"/tapline", "/tapline/v1/runs/a%2Fb", "/v1/runs/a%2Fb"},
	} {
		var got string
		Below(c.base, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.EscapedPath() })).
			ServeHTTP(httptest.NewRecorder(), request("GET", c.asked))
		if got != c.want {
			t.Errorf("below %q, %s became %s, want %s", c.base, c.asked, got, c.want)
		}
	}
}

func TestAPageThatWasNotBuilt(t *testing.T) {
	t.Parallel()
	if _, err := New(fstest.MapFS{}, ""); err == nil {
		t.Error("a page without a document was taken")
	}
}

package daemon

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPagesOfOtherSites: a page of another site and one whose name was rebound to this
// machine get nothing, for reading and for changing; programs, a person who types the
// address or follows a link, and other machines' names do.
func TestPagesOfOtherSites(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(WithoutPages(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	t.Cleanup(server.Close)
	own := strings.TrimPrefix(server.URL, "http://")
	for name, r := range map[string]struct {
		method, host string
		header       []string
		want         int
	}{
		"a program":                    {"POST", own, nil, 200},
		"localhost":                    {"GET", "localhost:80", nil, 200},
		"an address that is not local": {"GET", "10.0.0.7:19010", nil, 200},
		"an address in brackets":       {"GET", "[::1]:19010", nil, 200},
		"its own page":                 {"POST", own, []string{"Origin", server.URL, "Sec-Fetch-Site", "same-origin"}, 200},
		"an address that is typed":     {"GET", own, []string{"Sec-Fetch-Site", "none"}, 200},
		"a link":                       {"GET", own, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		"a form of another site":       {"POST", own, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		"a frame of another site":      {"GET", own, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		"another site's script":        {"GET", own, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		"a page of another port":       {"GET", own, []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}, 403},
		"an older browser's post":      {"POST", own, []string{"Origin", "https://evil.example"}, 403},
		"a sandboxed frame":            {"POST", own, []string{"Origin", "null"}, 403},
		"a rebound name":               {"GET", "evil.example", []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "same-origin"}, 403},
		"a rebound name with a port":   {"GET", "127.0.0.1.evil.example:19010", nil, 403},
		"a name like loopback's":       {"GET", "localhost.evil.example", nil, 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), r.method, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = r.host
		for i := 0; i+1 < len(r.header); i += 2 {
			req.Header.Set(r.header[i], r.header[i+1])
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != r.want {
			t.Errorf("%s = %d, want %d", name, res.StatusCode, r.want)
		}
	}
	// From another machine every name may be right.
	recorder := httptest.NewRecorder()
	WithoutPages(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "http://extractor.tapline.svc:19010/metrics", http.NoBody))
	if recorder.Code != http.StatusOK {
		t.Errorf("a name inside a cluster = %d", recorder.Code)
	}
}

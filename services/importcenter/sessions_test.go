package importcenter

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// cookieOf is the session cookie of a browser that has signed in.
func cookieOf(t *testing.T, c *center, browser *http.Client) *http.Cookie {
	t.Helper()
	base, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range browser.Jar.Cookies(base) {
		if k.Name == "__Host-tapline-session" {
			return k
		}
	}
	t.Fatal("the browser has no session cookie")
	return nil
}

// TestAnAdminEndsASession: an admin sees who is signed in, and ends a session of somebody
// else, which is over at once and stands in the audit. Nobody else may, and what is
// shown of a session cannot be used as its cookie.
func TestAnAdminEndsASession(t *testing.T) {
	t.Parallel()
	c, _, browser := startWithOIDC(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	none := c.as(admin, "GET", "/v1/sessions", "")
	if none.status != http.StatusOK || !strings.Contains(none.text, `"items":[]`) {
		t.Errorf("before anybody has signed in = %d %s", none.status, none.text)
	}
	get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	cookie := cookieOf(t, c, browser)
	list := c.as(admin, "GET", "/v1/sessions", "")
	var answer struct {
		Items []struct{ ID, Name, Role, From string }
	}
	if err := json.Unmarshal([]byte(list.text), &answer); err != nil || len(answer.Items) != 1 || answer.Items[0].Name != "oidc:id1" ||
		answer.Items[0].Role != "editor" || answer.Items[0].From != "127.0.0.1" || strings.Contains(list.text, cookie.Value) {
		t.Fatalf("the sessions = %d %s", list.status, list.text)
	}
	id := answer.Items[0].ID
	for _, path := range []string{"/v1/sessions", "/v1/sessions/" + id} {
		if status, _, _ := get(t, browser, "GET", c.url+path); status != http.StatusForbidden && status != http.StatusMethodNotAllowed {
			t.Errorf("an editor's GET %s = %d", path, status)
		}
	}
	if status, _, _ := get(t, browser, "DELETE", c.url+"/v1/sessions/"+id, "Origin", c.url, "Sec-Fetch-Site", "same-origin"); status != http.StatusForbidden {
		t.Errorf("an editor ends a session = %d", status)
	}
	thief := &http.Client{Transport: browser.Transport}
	if status, _, _ := get(t, thief, "GET", c.url+"/v1/caller", "Cookie", cookie.Name+"="+id); status != http.StatusUnauthorized {
		t.Errorf("the session's id as a cookie = %d", status)
	}
	for path, want := range map[string]int{
		"/v1/sessions/" + strings.Repeat("0", 32): http.StatusNotFound, "/v1/sessions/*": http.StatusUnprocessableEntity, "/v1/sessions/" + id[:8]: http.StatusUnprocessableEntity,
	} {
		if a := c.as(admin, "DELETE", path, ""); a.status != want {
			t.Errorf("DELETE %s = %d, want %d", path, a.status, want)
		}
	}
	if status, _, _ := get(t, browser, "GET", c.url+"/v1/caller"); status != http.StatusOK {
		t.Errorf("the session before it is ended = %d", status)
	}
	if a := c.as(admin, "DELETE", "/v1/sessions/"+id, ""); a.status != http.StatusNoContent {
		t.Fatalf("ending it = %d %s", a.status, a.text)
	}
	if status, _, _ := get(t, browser, "GET", c.url+"/v1/caller"); status != http.StatusUnauthorized {
		t.Errorf("the session after it was ended = %d", status)
	}
	audit := c.as(admin, "GET", "/v1/audit?action=delete", "").text
	if !strings.Contains(audit, `"actor":"key:admin"`) || !strings.Contains(audit, `"kind":"session","name":"oidc:id1"`) {
		t.Errorf("the audit is %s", audit)
	}
}

// TestPeopleEndTheirOwnSessions: people see where they are signed in and which session is
// this one, with a browser and with a token, and end another of theirs; they see and end
// nobody else's, and a key has none. What is ended is in the audit, and a stream that the
// session reads ends.
func TestPeopleEndTheirOwnSessions(t *testing.T) {
	t.Parallel()
	c, _, browser := startWithOIDC(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	// The same person at another machine: a browser of its own.
	jar, _ := cookiejar.New(nil)
	elsewhere := &http.Client{Transport: browser.Transport, Jar: jar}
	get(t, elsewhere, "GET", c.url+"/auth/login?return=/v1/caller")
	type sessions struct {
		Items []struct {
			ID, Name string
			Current  bool
		}
	}
	var own, whole sessions
	status, text, _ := get(t, browser, "GET", c.url+"/v1/caller/sessions")
	if err := json.Unmarshal([]byte(text), &own); err != nil || status != http.StatusOK || len(own.Items) != 2 || own.Items[0].Current == own.Items[1].Current {
		t.Fatalf("own sessions = %d %s", status, text)
	}
	if err := json.Unmarshal([]byte(c.as(admin, "GET", "/v1/sessions", "").text), &whole); err != nil || len(whole.Items) != 2 {
		t.Fatalf("the admin sees %+v", whole)
	}
	other := own.Items[0].ID
	if own.Items[0].Current {
		other = own.Items[1].ID
	}
	if a := c.as(admin, "GET", "/v1/caller/sessions", ""); a.status != http.StatusOK || !strings.Contains(a.text, `"items":[]`) {
		t.Errorf("a key's own sessions = %d %s", a.status, a.text)
	}
	if a := c.as(admin, "DELETE", "/v1/caller/sessions/"+other, ""); a.status != http.StatusNotFound {
		t.Errorf("somebody else's session as one's own = %d %s", a.status, a.text)
	}
	stream, status := (&center{t: t, url: c.url, http: elsewhere}).follow("/v1/imports/events")
	if next(t, stream); status != http.StatusOK {
		t.Fatalf("following = %d", status)
	}
	if status, text, _ := get(t, browser, "DELETE", c.url+"/v1/caller/sessions/"+other, "Origin", c.url, "Sec-Fetch-Site", "same-origin"); status != http.StatusNoContent {
		t.Fatalf("ending one's other session = %d %s", status, text)
	}
	ends(t, "the session's stream", stream)
	if status, _, _ := get(t, elsewhere, "GET", c.url+"/v1/caller"); status != http.StatusUnauthorized {
		t.Errorf("the ended session = %d", status)
	}
	if status, _, _ := get(t, browser, "GET", c.url+"/v1/caller"); status != http.StatusOK {
		t.Errorf("the session that ended it = %d", status)
	}
	if status, _, _ := get(t, browser, "DELETE", c.url+"/v1/caller/sessions/"+other, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("another site's page ends a session = %d", status)
	}
	audit := c.as(admin, "GET", "/v1/audit?action=delete", "").text
	if !strings.Contains(audit, `"actor":"oidc:id1"`) || !strings.Contains(audit, `"kind":"session","name":"oidc:id1"`) {
		t.Errorf("the audit is %s", audit)
	}
}

// TestARebindingNameWithASession: a page under another name that leads to this address, and
// to which a browser has sent the session's cookie, is refused, with TLS, for
// reading too.
func TestARebindingNameWithASession(t *testing.T) {
	t.Parallel()
	c, _, browser := startWithOIDC(t)
	get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	cookie := cookieOf(t, c, browser)
	for _, host := range []string{"evil.example", "127.0.0.1.evil.example", "evil.example:443", "localhost.evil.example"} {
		for _, r := range []struct{ method, path string }{
			{http.MethodGet, "/v1/imports"}, {http.MethodGet, "/v1/caller"}, {http.MethodPost, "/v1/imports/customers/pause"}, {http.MethodPost, "/auth/logout"},
		} {
			req, err := http.NewRequestWithContext(t.Context(), r.method, c.url+r.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			// As the page itself would send it: for the browser its own site.
			req.Header.Set("Origin", "https://"+host)
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			req.AddCookie(cookie)
			res, err := (&http.Client{Transport: browser.Transport}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("%s %s as %s = %d, want 421", r.method, r.path, host, res.StatusCode)
			}
		}
	}
	if status, _, _ := get(t, browser, "GET", c.url+"/v1/caller"); status != http.StatusOK {
		t.Errorf("the session afterwards = %d", status)
	}
}

func TestNoSessionsWithoutABrowser(t *testing.T) {
	t.Parallel()
	c := start(t)
	if a := c.do("GET", "/v1/sessions", ""); a.status != http.StatusNotFound || !strings.Contains(a.text, "redirectUrl") {
		t.Errorf("without a sign-in = %d %s", a.status, a.text)
	}
}

// TestSigningInAgainEndsTheFormerSession: a browser has one session.
func TestSigningInAgainEndsTheFormerSession(t *testing.T) {
	t.Parallel()
	c, _, browser := startWithOIDC(t)
	get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	former := cookieOf(t, c, browser)
	get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	if now := cookieOf(t, c, browser); now.Value == former.Value {
		t.Fatal("the session is the same")
	}
	other := &http.Client{Transport: browser.Transport}
	if status, _, _ := get(t, other, "GET", c.url+"/v1/caller", "Cookie", former.Name+"="+former.Value); status != http.StatusUnauthorized {
		t.Errorf("the former session = %d", status)
	}
	if status, _, _ := get(t, browser, "GET", c.url+"/v1/caller"); status != http.StatusOK {
		t.Errorf("the new session = %d", status)
	}
}

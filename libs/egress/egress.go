// Package egress is how a service reaches hosts outside of the deployment: by which proxy
// and trusting whom. Definitions choose among what the deployment allows.
package egress

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapline.dev/libs/config"
)

// Config bounds what connections and accounts may choose. By default they may name no
// proxy: it sees where a service connects to, and together with an authority of its own it
// sees everything.
type Config struct {
	// Proxies are the proxies that definitions may name, such as http://proxy.corp:3128.
	Proxies []string
	// CADirectories are those under which definitions may name a file of authorities. Put
	// no directory there into which users can write, such as secrets.store.
	CADirectories []string
}

// Default allows no proxy.
func Default() Config { return Config{CADirectories: []string{"/etc/tapline/ca"}} }

// Validate refuses what is no proxy's URL, and a directory that allows everything.
func (c Config) Validate() error {
	var errs []error
	for _, text := range c.Proxies {
		if _, err := Parse(text); err != nil {
			errs = append(errs, config.Bad("proxies", "%q: %v", text, err))
		}
	}
	for _, dir := range c.CADirectories {
		if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
			errs = append(errs, config.Bad("caDirectories", "%q must be an absolute path below the root", dir))
		}
	}
	return errors.Join(errs...)
}

// Parse reads a proxy's URL: scheme, host and port, and no credentials.
func Parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("a proxy is a URL such as http://proxy.corp:3128, without user, password and path")
	}
	u.Path = ""
	return u, nil
}

// Proxy returns the proxy that a definition names, or why it may not; nil for "".
func (c Config) Proxy(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no proxy is no error
	}
	u, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(c.Proxies, func(allowed string) bool {
		a, err := Parse(allowed)
		return err == nil && a.Scheme == u.Scheme && strings.EqualFold(a.Host, u.Host)
	}) {
		return nil, errors.New("its proxy is none that this deployment allows; add it to egress.proxies")
	}
	return u, nil
}

// maxCAs is more than every authority of an operating system takes.
const maxCAs = 1 << 20

// CAs returns the authorities in the file that a definition names, as PEM; "" for "". Its
// errors show nothing of a file that is not allowed.
func (c Config) CAs(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	resolved, err := filepath.EvalSymlinks(path)
	refused := errors.New("its caFile cannot be used: it is no file of certificates under egress.caDirectories")
	if err != nil || !slices.ContainsFunc(c.CADirectories, func(dir string) bool {
		dir, err := filepath.EvalSymlinks(dir)
		return err == nil && strings.HasPrefix(resolved, filepath.Clean(dir)+string(filepath.Separator))
	}) {
		return "", refused
	}
	info, err := os.Stat(resolved)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxCAs {
		return "", refused
	}
	text, err := os.ReadFile(resolved)
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(text) {
		return "", refused
	}
	return string(text), nil
}

// Pool is the system's authorities and those of a PEM text; nil, the system's, for "".
func Pool(pem string) *x509.CertPool {
	if pem == "" {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM([]byte(pem))
	return pool
}

// Refusal is the answer of a proxy that does not connect.
type Refusal struct{ Status int }

func (r *Refusal) Error() string { return fmt.Sprintf("the proxy answers with status %d", r.Status) }

// Use makes a transport go by a proxy, and trust the authorities of a PEM text besides the
// system's. A nil proxy goes straight, whatever the environment says.
func Use(t *http.Transport, proxy *url.URL, pem string) {
	t.Proxy = nil
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
		t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
			if res.StatusCode != http.StatusOK {
				return &Refusal{Status: res.StatusCode}
			}
			return nil
		}
	}
	if pem != "" {
		t.TLSClientConfig.RootCAs = Pool(pem)
	}
}

package loader

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"tapline.dev/schemas"
)

// interceptor is a proxy that ends TLS itself, with a certificate of its own, and passes
// requests on in the clear: what companies put before the Internet.
type interceptor struct {
	*httptest.Server
	certificate *httptest.Server // whose certificate it shows
	to          string           // where requests go
	refuses     atomic.Bool
	passed      atomic.Int32
}

func newInterceptor(t *testing.T, to string) *interceptor {
	i := &interceptor{certificate: httptest.NewTLSServer(http.NotFoundHandler()), to: to}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.certificate.Close)
	t.Cleanup(i.Close)
	return i
}

func (i *interceptor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || i.refuses.Load() {
		http.Error(w, "not here", http.StatusForbidden)
		return
	}
	raw, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = raw.Close() }()
	_, _ = io.WriteString(raw, "HTTP/1.1 200 OK\r\n\r\n")
	i.serve(tls.Server(raw, &tls.Config{Certificates: i.certificate.TLS.Certificates, MinVersion: tls.VersionTLS12}))
}

func (i *interceptor) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		i.passed.Add(1)
		req.RequestURI, req.URL.Scheme, req.URL.Host = "", "http", i.to
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return
		}
		err = res.Write(conn)
		_ = res.Body.Close()
		if err != nil {
			return
		}
	}
}

// TestAccountBehindAProxy: an account test tells a proxy that is away, one that refuses
// and one that intercepts TLS apart; with the interceptor's authority it works.
func TestAccountBehindAProxy(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	for name, c := range map[string]struct {
		prepare func(i *interceptor, spec *schemas.CleverTapAccountSpec, cfg *Config, ca string)
		want    map[string]string
		says    string
	}{
		"with its authority": {
			func(_ *interceptor, spec *schemas.CleverTapAccountSpec, _ *Config, ca string) { spec.CAFile = ca },
			map[string]string{checkNetwork: schemas.CheckOK, checkCredentials: schemas.CheckOK, checkLimits: schemas.CheckOK}, "are accepted",
		},
		"without it": {
			func(*interceptor, *schemas.CleverTapAccountSpec, *Config, string) {},
			map[string]string{checkNetwork: schemas.CheckFailed, checkCredentials: schemas.CheckUnknown}, "TLS: the certificate",
		},
		"it refuses": {
			func(i *interceptor, spec *schemas.CleverTapAccountSpec, _ *Config, ca string) {
				i.refuses.Store(true)
				spec.CAFile = ca
			},
			map[string]string{checkNetwork: schemas.CheckFailed}, "HTTP: the proxy refuses",
		},
		"it is away": {
			func(_ *interceptor, spec *schemas.CleverTapAccountSpec, cfg *Config, _ string) {
				spec.Proxy, cfg.Egress.Proxies = away.URL, []string{away.URL}
			},
			map[string]string{checkNetwork: schemas.CheckFailed}, "the proxy on the way to",
		},
		"it is not allowed": {
			func(_ *interceptor, _ *schemas.CleverTapAccountSpec, cfg *Config, _ string) { cfg.Egress.Proxies = nil },
			map[string]string{checkDefinition: schemas.CheckFailed, checkNetwork: schemas.CheckUnknown}, "egress.proxies",
		},
		"another's file": {
			func(_ *interceptor, spec *schemas.CleverTapAccountSpec, cfg *Config, ca string) {
				spec.CAFile, cfg.Egress.CADirectories = ca, nil
			},
			map[string]string{checkDefinition: schemas.CheckFailed}, "egress.caDirectories",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			i := newInterceptor(t, strings.TrimPrefix(w.cleverTap.URL, "http://"))
			dir := t.TempDir()
			ca := filepath.Join(dir, "ca.pem")
			if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Certificate().Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			// httptest's certificate bears example.com. The name is the proxy's to resolve.
			spec := schemas.CleverTapAccountSpec{Endpoint: "https://example.com", Slots: 3, Proxy: i.URL}
			var cfg Config
			cfg.Egress.Proxies, cfg.Egress.CADirectories = []string{i.URL}, []string{dir}
			c.prepare(i, &spec, &cfg, ca)
			w.tune = func(own *Config) { own.Egress = cfg.Egress }
			w.account(spec)
			w.start()
			got, found := w.tested()
			w.wantChecks(got, c.want)
			text, err := json.Marshal(found)
			if err != nil || !strings.Contains(string(text), c.says) {
				t.Errorf("%q is not in %s (%v)", c.says, text, err)
			}
			requests, _ := w.cleverTap.stats()
			if ok := c.want[checkNetwork] == schemas.CheckOK; ok != (requests > 0) || ok != (i.passed.Load() > 0) {
				t.Errorf("%d requests came by the proxy, %d arrived", i.passed.Load(), requests)
			}
		})
	}
}

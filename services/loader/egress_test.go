package loader

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/libs/egress/egresstest"
	"tapline.dev/schemas"
)

// TestAccountBehindAProxy: an account test tells a proxy that is away, one that refuses
// and one that intercepts TLS apart; with the interceptor's authority it works.
func TestAccountBehindAProxy(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	for name, c := range map[string]struct {
		prepare func(i *egresstest.Interceptor, spec *schemas.CleverTapAccountSpec, cfg *Config, ca string)
		want    map[string]string
		says    string
	}{
		"with its authority": {
			func(_ *egresstest.Interceptor, spec *schemas.CleverTapAccountSpec, _ *Config, ca string) {
				spec.CAFile = ca
			},
			map[string]string{checkNetwork: schemas.CheckOK, checkCredentials: schemas.CheckOK, checkLimits: schemas.CheckOK}, "are accepted",
		},
		"without it": {
			func(*egresstest.Interceptor, *schemas.CleverTapAccountSpec, *Config, string) {},
			map[string]string{checkNetwork: schemas.CheckFailed, checkCredentials: schemas.CheckUnknown}, "TLS: the certificate",
		},
		"it refuses": {
			func(i *egresstest.Interceptor, spec *schemas.CleverTapAccountSpec, _ *Config, ca string) {
				i.Refuse()
				spec.CAFile = ca
			},
			map[string]string{checkNetwork: schemas.CheckFailed}, "HTTP: the proxy refuses",
		},
		"it is away": {
			func(_ *egresstest.Interceptor, spec *schemas.CleverTapAccountSpec, cfg *Config, _ string) {
				spec.Proxy, cfg.Egress.Proxies = away.URL, []string{away.URL}
			},
			map[string]string{checkNetwork: schemas.CheckFailed}, "the proxy on the way to",
		},
		"it is not allowed": {
			func(_ *egresstest.Interceptor, _ *schemas.CleverTapAccountSpec, cfg *Config, _ string) {
				cfg.Egress.Proxies = nil
			},
			map[string]string{checkDefinition: schemas.CheckFailed, checkNetwork: schemas.CheckUnknown}, "egress.proxies",
		},
		"another's file": {
			func(_ *egresstest.Interceptor, spec *schemas.CleverTapAccountSpec, cfg *Config, ca string) {
				spec.CAFile, cfg.Egress.CADirectories = ca, nil
			},
			map[string]string{checkDefinition: schemas.CheckFailed}, "egress.caDirectories",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			i := egresstest.NewInterceptor(t, strings.TrimPrefix(w.cleverTap.URL, "http://"))
			dir := t.TempDir()
			ca := filepath.Join(dir, "ca.pem")
			if err := os.WriteFile(ca, i.Authority(), 0o600); err != nil {
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
			if ok := c.want[checkNetwork] == schemas.CheckOK; ok != (requests > 0) || ok != (i.Passed() > 0) {
				t.Errorf("%d requests came by the proxy, %d arrived", i.Passed(), requests)
			}
		})
	}
}

package snowflake

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// interceptor is a proxy that ends TLS with a certificate of its own and passes requests
// on to a server in the clear.
type interceptor struct {
	*httptest.Server
	certificate *httptest.Server
	to          string
	refuses     atomic.Bool
	passed      atomic.Int32
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
	conn := tls.Server(raw, &tls.Config{Certificates: i.certificate.TLS.Certificates, MinVersion: tls.VersionTLS12})
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

// TestSignInByAProxy: with the authority of a proxy that intercepts TLS a session opens;
// without it, and where the proxy refuses or is away, the error says where the way ends.
func TestSignInByAProxy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(i *interceptor, conn *schemas.SnowflakeConnectionSpec)
		says string // "" if it works
	}{
		"with its authority": {func(*interceptor, *schemas.SnowflakeConnectionSpec) {}, ""},
		"without it":         {func(_ *interceptor, conn *schemas.SnowflakeConnectionSpec) { conn.CAFile = "" }, "TLS: the certificate is not trusted"},
		"it refuses":         {func(i *interceptor, _ *schemas.SnowflakeConnectionSpec) { i.refuses.Store(true) }, "HTTP: the proxy refuses with status 403"},
		"it is away":         {func(i *interceptor, _ *schemas.SnowflakeConnectionSpec) { i.Close() }, "TCP: the proxy cannot be reached"},
		"no proxy": {func(_ *interceptor, conn *schemas.SnowflakeConnectionSpec) {
			conn.Proxy, conn.Host = "", "snowflake.invalid"
		}, "DNS: the host's name does not resolve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			i := &interceptor{certificate: httptest.NewTLSServer(http.NotFoundHandler()), to: s.http.Listener.Addr().String()}
			i.Server = httptest.NewServer(i)
			t.Cleanup(i.certificate.Close)
			t.Cleanup(i.Close)
			conn := s.connection()
			// httptest's certificate bears example.com. The name is the proxy's to resolve.
			conn.Host, conn.Port, conn.Protocol, conn.Proxy = "example.com", 443, "https", i.URL
			conn.CAFile = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Certificate().Raw}))
			c.edit(i, &conn)
			cfg := testConfig()
			cfg.AllowCustomEndpoints, cfg.LoginTimeout = true, 3*time.Second
			session, err := Open(t.Context(), cfg, conn, Tag{})
			if c.says == "" {
				if err != nil || i.passed.Load() == 0 {
					t.Fatalf("%d requests passed: %v", i.passed.Load(), err)
				}
				session.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the error is %v, want %q", err, c.says)
			}
		})
	}
}

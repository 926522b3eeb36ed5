package snowflake

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/egress/egresstest"
	"tapline.dev/schemas"
)

// TestSignInByAProxy: with the authority of a proxy that intercepts TLS a session opens;
// without it, and where the proxy refuses or is away, the error says where the way ends.
func TestSignInByAProxy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(i *egresstest.Interceptor, conn *schemas.SnowflakeConnectionSpec)
		says string // "" if it works
	}{
		"with its authority": {func(*egresstest.Interceptor, *schemas.SnowflakeConnectionSpec) {}, ""},
		"without it":         {func(_ *egresstest.Interceptor, conn *schemas.SnowflakeConnectionSpec) { conn.CAFile = "" }, "TLS: the certificate is not trusted"},
		"it refuses":         {func(i *egresstest.Interceptor, _ *schemas.SnowflakeConnectionSpec) { i.Refuse() }, "HTTP: the proxy refuses with status 403"},
		"it is away":         {func(i *egresstest.Interceptor, _ *schemas.SnowflakeConnectionSpec) { i.Close() }, "TCP: the proxy cannot be reached"},
		"no proxy": {func(_ *egresstest.Interceptor, conn *schemas.SnowflakeConnectionSpec) {
			conn.Proxy, conn.Host = "", "snowflake.invalid"
		}, "DNS: the host's name does not resolve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			i := egresstest.NewInterceptor(t, s.http.Listener.Addr().String())
			conn := s.connection()
			// httptest's certificate bears example.com. The name is the proxy's to resolve.
			conn.Host, conn.Port, conn.Protocol, conn.Proxy = "example.com", 443, "https", i.URL
			conn.CAFile = string(i.Authority())
			c.edit(i, &conn)
			cfg := testConfig()
			cfg.AllowCustomEndpoints, cfg.LoginTimeout = true, 3*time.Second
			session, err := Open(t.Context(), cfg, conn, Tag{})
			if c.says == "" {
				if err != nil || i.Passed() == 0 {
					t.Fatalf("%d requests passed: %v", i.Passed(), err)
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

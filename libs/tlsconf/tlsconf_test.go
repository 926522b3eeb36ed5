package tlsconf_test

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/libs/config"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/libs/tlsconf/tlstest"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	good := tlstest.New(t).Client(t)
	if err := config.Validate(&good); err != nil {
		t.Errorf("a good one is refused: %v", err)
	}
	garbage := filepath.Join(t.TempDir(), "garbage.pem")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*tlsconf.Config){
		"enabled: must be true":             func(c *tlsconf.Config) { c.Enabled = false },
		"caFile: open":                      func(c *tlsconf.Config) { c.CAFile = "/does/not/exist" },
		"caFile: holds no certificate":      func(c *tlsconf.Config) { c.CAFile = garbage },
		"certFile: must be set":             func(c *tlsconf.Config) { c.CertFile = "" },
		"keyFile: must be set":              func(c *tlsconf.Config) { c.KeyFile = "" },
		"certFile: tls: failed to find any": func(c *tlsconf.Config) { c.CertFile = garbage },
	} {
		cfg := good
		change(&cfg)
		if err := config.Validate(&cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() error = %v, want %q", err, want)
		}
	}
}

// TestRenewedCertificateIsShown replaces the client's files between connections.
func TestRenewedCertificateIsShown(t *testing.T) {
	t.Parallel()
	authority := tlstest.New(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", authority.Server(t))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	shown := make(chan string)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			secure := conn.(*tls.Conn)
			if err := secure.HandshakeContext(context.WithoutCancel(t.Context())); err != nil {
				shown <- err.Error()
			} else {
				shown <- secure.ConnectionState().PeerCertificates[0].SerialNumber.String()
			}
			_ = conn.Close()
		}
	}()
	dial := authority.Client(t).Dial((&net.Dialer{}).DialContext)
	connect := func() string {
		conn, err := dial(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return <-shown
	}
	first := connect()
	authority.Client(t) // writes another certificate into the same files
	if second := connect(); first == second {
		t.Errorf("the certificate %s was shown again after the files were replaced", first)
	}
}

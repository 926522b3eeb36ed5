package daemon_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/libs/tlsconf/tlstest"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	t.Run("without TLS", func(t *testing.T) {
		t.Parallel()
		probeThroughout(t, tlsconf.Server{})
	})
	t.Run("with TLS", func(t *testing.T) {
		t.Parallel()
		probeThroughout(t, tlstest.New(t).ServerFiles(t))
	})
}

// TestProbeOfAnotherProgram: a program that shows another certificate is not the
// one whose readiness was asked for.
func TestProbeOfAnotherProgram(t *testing.T) {
	t.Parallel()
	other := daemon.AdminConfig{Addr: "127.0.0.1:0", TLS: tlstest.New(t).ServerFiles(t)}
	admin, err := daemon.Listen(t.Context(), other, daemon.NewHealth(), http.NotFoundHandler(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- admin.Run(ctx) }()
	own := tlstest.New(t).ServerFiles(t)
	code, _, text := run(t.Context(), untilDone, nil, "--probe", "--admin.addr", admin.Addr(), "--admin.tls.certFile", own.CertFile, "--admin.tls.keyFile", own.KeyFile)
	if code != daemon.ExitFailed || !strings.Contains(text, "another certificate") {
		t.Errorf("exit code %d, %q, want 1 and why", code, text)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func probeThroughout(t *testing.T, certificate tlsconf.Server) {
	t.Helper()
	health := daemon.NewHealth()
	gate := health.Gate("log")
	admin, err := daemon.Listen(t.Context(), daemon.AdminConfig{Addr: "127.0.0.1:0", TLS: certificate}, health, http.NotFoundHandler(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- admin.Run(ctx) }()
	_, port, err := net.SplitHostPort(admin.Addr())
	if err != nil {
		t.Fatal(err)
	}
	probe := func() (int, string) {
		code, _, stderr := run(t.Context(), untilDone, nil, "--probe", "--admin.addr", "0.0.0.0:"+port,
			"--admin.tls.certFile", certificate.CertFile, "--admin.tls.keyFile", certificate.KeyFile)
		return code, stderr
	}
	gate(errors.New("reading the log"))
	if code, text := probe(); code != daemon.ExitFailed || !strings.Contains(text, "log: reading the log") {
		t.Errorf("before it is ready: exit code %d, %q, want 1 and why", code, text)
	}
	gate(nil)
	if code, text := probe(); code != daemon.ExitOK {
		t.Errorf("when it is ready: exit code %d, %q, want 0", code, text)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if code, _ := probe(); code != daemon.ExitFailed {
		t.Errorf("after its end: exit code %d, want 1", code)
	}
}

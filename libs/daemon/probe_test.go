package daemon_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"tapline.dev/libs/daemon"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	health := daemon.NewHealth()
	gate := health.Gate("log")
	admin, err := daemon.Listen(t.Context(), "127.0.0.1:0", health, http.NotFoundHandler())
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
		code, _, stderr := run(t.Context(), untilDone, nil, "--probe", "--admin.addr", "0.0.0.0:"+port)
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

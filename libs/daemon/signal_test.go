package daemon_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapline.dev/libs/daemon"
)

// childEnv makes the test binary run a service in place of the tests: "drains"
// stops when asked, "hangs" never does.
const childEnv = "TAPLINE_DAEMON_TEST_CHILD"

func TestMain(m *testing.M) {
	kind := os.Getenv(childEnv)
	if kind == "" {
		os.Exit(m.Run())
	}
	os.Args = []string{"child", "--admin.drainTimeout", "1h"}
	os.Exit(daemon.Main(daemon.Program[serviceConfig]{
		Name: "child",
		Wire: func(_ context.Context, _ serviceConfig, env daemon.Env) (daemon.Run, error) {
			return func(ctx context.Context) error {
				env.Log.InfoContext(ctx, "running")
				<-ctx.Done()
				if kind == "hangs" {
					select {}
				}
				return nil
			}, nil
		},
	}))
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind    string
		signals map[string]syscall.Signal // sent when a log line holds the key
		code    int
		killed  syscall.Signal
	}{
		"SIGTERM drains":           {kind: "drains", signals: map[string]syscall.Signal{`"running"`: syscall.SIGTERM}},
		"SIGINT drains":            {kind: "drains", signals: map[string]syscall.Signal{`"running"`: syscall.SIGINT}},
		"the second signal kills":  {kind: "hangs", signals: map[string]syscall.Signal{`"running"`: syscall.SIGTERM, `"draining"`: syscall.SIGTERM}, code: -1, killed: syscall.SIGTERM},
		"the second may be SIGINT": {kind: "hangs", signals: map[string]syscall.Signal{`"running"`: syscall.SIGTERM, `"draining"`: syscall.SIGINT}, code: -1, killed: syscall.SIGINT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			child := exec.CommandContext(ctx, os.Args[0])
			child.Env = append(os.Environ(), childEnv+"="+test.kind)
			logs, err := child.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(logs)
			for lines.Scan() {
				for text, signal := range test.signals {
					if strings.Contains(lines.Text(), text) {
						if err := child.Process.Signal(signal); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			err = child.Wait()
			if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
				t.Fatal(err)
			} else if ok && exit.Sys().(syscall.WaitStatus).Signal() != test.killed {
				t.Errorf("ended by %v, want %v", exit, test.killed)
			}
			if got := child.ProcessState.ExitCode(); got != test.code {
				t.Errorf("exit %d, want %d", got, test.code)
			}
		})
	}
}

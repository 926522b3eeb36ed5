//go:build failpoint

package failpoint_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"tapline.dev/libs/failpoint"
)

// TestKillAtThePoint runs this test binary as a child that hits a point twice.
func TestKillAtThePoint(t *testing.T) {
	if os.Getenv("FAILPOINT_CHILD") != "" {
		failpoint.Hit("x.before")
		failpoint.Hit("x.before")
		os.Exit(3)
	}
	for spec, killed := range map[string]bool{"x.before=kill": true, "x.before=kill:2": true, "x.before=kill:3": false, "x.other=kill": false} {
		cmd := exec.Command(os.Args[0], "-test.run=TestKillAtThePoint")
		cmd.Env = append(os.Environ(), "FAILPOINT_CHILD=1", "TAPLINE_FAILPOINTS="+spec)
		_ = cmd.Run()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if got := status.Signaled() && status.Signal() == syscall.SIGKILL; got != killed {
			t.Errorf("%s: killed = %v, want %v (exit code %d)", spec, got, killed, cmd.ProcessState.ExitCode())
		}
	}
}

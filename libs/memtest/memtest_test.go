package memtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestLittle: the work is done in a process that cannot get more memory than it was given.
func TestLittle(t *testing.T) {
	if !Little(t, "2147483648") {
		return
	}
	if raced() || os.Getenv(childVariable) == "" {
		t.Skip("nothing limits this process")
	}
	if grown := make([]byte, 512<<20); len(grown) == 0 {
		t.Error("no memory")
	}
}

// TestWhatAsksForMoreDies is not a test of its own: TestTheLimitHolds runs it in a process
// with a limit.
func TestWhatAsksForMoreDies(t *testing.T) {
	if os.Getenv(childVariable) != t.Name() {
		t.Skip("TestTheLimitHolds runs it")
	}
	grown := make([]byte, 8<<30)
	t.Log(len(grown))
}

// TestTheLimitHolds: a process that asks for more than it was given dies, so that a test
// that does so fails.
func TestTheLimitHolds(t *testing.T) {
	prlimit, err := exec.LookPath("prlimit")
	if err != nil || raced() {
		t.Skip("nothing limits processes here")
	}
	child := exec.CommandContext(t.Context(), prlimit, "--as=2147483648", os.Args[0], "-test.run=^TestWhatAsksForMoreDies$", "-test.v")
	child.Env = append(os.Environ(), childVariable+"=TestWhatAsksForMoreDies")
	if out, err := child.CombinedOutput(); err == nil || !strings.Contains(string(out), "out of memory") {
		t.Errorf("it lives: %v\n%s", err, out)
	}
}

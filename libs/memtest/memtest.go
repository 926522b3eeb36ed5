// Package memtest runs a test in a process with little memory, so that what is bounded
// only by a figure that the test computes itself is bounded in fact: whatever asks for
// more kills the process, and with it the test.
package memtest

import (
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// childVariable marks the process with little memory.
const childVariable = "TAPLINE_TEST_LITTLE_MEMORY"

// Little runs the calling test in a child process with so much address space, and reports
// whether this is the process that has to do the test's work. Its death fails the test.
// The race detector reserves more address space than any limit, so that with it the work
// is done here.
func Little(t *testing.T, bytes string) bool {
	t.Helper()
	if os.Getenv(childVariable) == t.Name() || raced() {
		return true
	}
	prlimit, err := exec.LookPath("prlimit")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("prlimit is missing: it is in util-linux")
	}
	if err != nil {
		t.Log("prlimit is not installed, so that the test runs without a limit of memory")
		return true
	}
	child := exec.CommandContext(t.Context(), prlimit, "--as="+bytes, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), childVariable+"="+t.Name(), "GOMEMLIMIT=400MiB")
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in %s bytes of address space: %v\n%s", bytes, err, out[max(0, len(out)-3000):])
	}
	return false
}

func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

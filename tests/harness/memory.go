package harness

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
)

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// PeakMiB is the most memory that the process has had resident.
func (p *Process) PeakMiB(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skipf("this system does not tell the memory of a process: %v", err)
	}
	m := highWater.FindSubmatch(status)
	if m == nil {
		t.Fatal("the process has no high-water mark")
	}
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

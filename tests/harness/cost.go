package harness

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Cost is what a process has used so far.
type Cost struct {
	CPU time.Duration
	// ResidentMiB is the memory that it has resident now.
	ResidentMiB int
}

// clockTick is the unit of CPU times in /proc: Linux has had 100 a second on every
// architecture for which Go has been ported to it.
const clockTick = 10 * time.Millisecond

var resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// Cost reads what the process has used.
func (p *Process) Cost(t testing.TB) Cost {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("reading the CPU time of a process: %v", err)
	}
	// The second field is the program's name in brackets, which may hold blanks.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, i := range []int{11, 12} { // utime, stime
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	kib := 0
	if m := resident.FindSubmatch(status); m != nil {
		kib, _ = strconv.Atoi(string(m[1])) // the expression matches digits only
	}
	return Cost{CPU: time.Duration(ticks) * clockTick, ResidentMiB: kib >> 10}
}

// PeakMiBOf is the most memory that a process which has ended has had resident.
func PeakMiBOf(state *os.ProcessState) int {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int(usage.Maxrss >> 10)
}

package harness

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Program returns where a service's program is.
func Program(t testing.TB, service string) string {
	t.Helper()
	if slices.Contains(Services, service) {
		return filepath.Join(programs(t), service)
	}
	path := filepath.Join(t.TempDir(), service)
	source := "./services/" + service + "/cmd/" + service
	if service == "sandbox" {
		source = "./sandbox/cmd/sandbox"
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", Tags, "-o", path, source)
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the program of %s: %v\n%s", service, err, out)
	}
	return path
}

// Program returns the path of a program of the cluster.
func (c *Cluster) Program(name string) string { return filepath.Join(c.bin, name) }

// FreePort returns a free port.
func FreePort(t testing.TB) int {
	t.Helper()
	return portBase(t)
}

package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Services are the programs of the pipeline.
var Services = []string{"scheduler", "extractor", "mapper", "loader", "importcenter"}

var built struct {
	once sync.Once
	dir  string
	out  []byte
	err  error
}

// Root is the folder of the source tree.
func Root() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.work")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	panic("there is no go.work above the working directory: run the tests in the project's folder")
}

// programs builds every program once for the test binary and returns where they
// are. TAPLINE_TEST_BIN names a folder with programs to use instead.
func programs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("TAPLINE_TEST_BIN"); dir != "" {
		return dir
	}
	built.once.Do(func() {
		built.dir, built.err = os.MkdirTemp("", "tapline-bin-")
		if built.err != nil {
			return
		}
		// The Makefile's tags, so that a plain go test works and shares its cache, and
		// the failpoints, which do nothing unless they are asked to.
		args := []string{"build", "-trimpath", "-tags", "minicore_disabled,duckdb_arrow,failpoint", "-o", built.dir, "./cmd/tapline"}
		for _, s := range Services {
			args = append(args, "./services/"+s+"/cmd/"+s)
		}
		cmd := exec.Command("go", args...)
		cmd.Dir = Root()
		built.out, built.err = cmd.CombinedOutput()
	})
	if built.err != nil {
		t.Fatalf("building the programs: %v\n%s", built.err, built.out)
	}
	return built.dir
}

// RemovePrograms deletes what programs built; TestMain calls it last.
func RemovePrograms() {
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
}

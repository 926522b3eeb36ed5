package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"tapline.dev/tests/mutants"
)

// Services are the programs of the pipeline.
var Services = []string{"scheduler", "extractor", "mapper", "loader", "importcenter"}

// Tags are the Makefile's build tags, so that tests share its build cache.
const Tags = "minicore_disabled,duckdb_arrow"

// build is one set of programs.
type build struct {
	once sync.Once
	dir  string
	out  []byte
	err  error
}

var (
	built   build
	mutated build
)

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
		if built.dir, built.err = os.MkdirTemp("", "tapline-bin-"); built.err == nil {
			built.make("./cmd/tapline")
		}
	})
	if built.err != nil {
		t.Fatalf("building the programs: %v\n%s", built.err, built.out)
	}
	return built.dir
}

// Mutated returns a service's program that can make every deliberate mistake;
// Process.Mistake chooses one.
func Mutated(t testing.TB, service string) string {
	t.Helper()
	mutated.once.Do(func() {
		if mutated.dir, mutated.err = os.MkdirTemp("", "tapline-mutated-"); mutated.err != nil {
			return
		}
		var patches []mutants.Patch
		if patches, mutated.err = mutants.Load(Root()); mutated.err != nil {
			return
		}
		var overlay string
		if overlay, mutated.err = mutants.Overlay(Root(), mutated.dir, patches); mutated.err == nil {
			mutated.make("-overlay", overlay)
		}
	})
	if mutated.err != nil {
		t.Fatalf("building the programs with the mistakes: %v\n%s", mutated.err, mutated.out)
	}
	return filepath.Join(mutated.dir, service)
}

// make builds the services' programs, with further arguments. Their failpoints do
// nothing unless they are asked to.
func (b *build) make(args ...string) {
	args = append([]string{"build", "-trimpath", "-tags", Tags + ",failpoint", "-o", b.dir + "/"}, args...)
	for _, s := range Services {
		args = append(args, "./services/"+s+"/cmd/"+s)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = Root()
	b.out, b.err = cmd.CombinedOutput()
}

// RemovePrograms deletes what programs built; TestMain calls it last.
func RemovePrograms() {
	for _, dir := range []string{built.dir, mutated.dir} {
		if dir != "" {
			_ = os.RemoveAll(dir)
		}
	}
}

package mutants_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/tests/harness"
	"tapline.dev/tests/mutants"
	"tapline.dev/tests/mutants/mistake"
)

// crash is the package whose mistakes are made in programs of their own: it
// calls harness.Mutated itself, under make test-crash.
const crash = "tests/crash"

func load(t *testing.T) []mutants.Patch {
	t.Helper()
	patches, err := mutants.Load(harness.Root())
	if err != nil {
		t.Fatal(err)
	}
	return patches
}

// TestPatchesApply fails as soon as a changed line makes a patch out of date, and
// wants each finder to exist.
func TestPatchesApply(t *testing.T) {
	t.Parallel()
	patches := load(t)
	if _, err := mutants.Overlay(harness.Root(), t.TempDir(), patches); err != nil {
		t.Fatal(err)
	}
	for _, p := range patches {
		for _, f := range p.Finders {
			tests := testFiles(t, f.Package)
			if !strings.Contains(tests, "func "+f.Test+"(") {
				t.Errorf("%s: there is no %s in %s", p.Name, f.Test, f.Package)
			}
			if f.Package == crash && !strings.Contains(tests, `"`+p.Name+`"`) {
				t.Errorf("%s: no test of %s makes it", p.Name, crash)
			}
		}
	}
}

var named = regexp.MustCompile("`([a-z]+\\.[a-z0-9-]+)` *(?:\\||,)")

// TestGuaranteesNamePatches: the mistakes that docs/guarantees.md promises are
// there.
func TestGuaranteesNamePatches(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs/guarantees.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, p := range load(t) {
		names[p.Name] = true
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !guarantee.MatchString(line) || len(cells) < 5 {
			continue
		}
		for _, m := range named.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			found++
			if !names[m[1]] {
				t.Errorf("docs/guarantees.md names the mistake %s, and tests/mutants has no patch of that name", m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("docs/guarantees.md names %d mistakes, which is too few: has the table changed its form?", found)
	}
}

var guarantee = regexp.MustCompile(`^\| [0-9]+ \|`)

func testFiles(t *testing.T, folder string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(harness.Root(), folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestEachIsFound makes each mistake and wants every test that its patch names to
// fail, and to pass without the mistake. TAPLINE_TEST_MUTANTS says which mistakes: "1"
// for all of them, "1/2" and "2/2" for either half.
func TestEachIsFound(t *testing.T) {
	which := os.Getenv("TAPLINE_TEST_MUTANTS")
	if which == "" {
		t.Skip("make test-mutants")
	}
	patches := shareOf(t, load(t), which)
	dir := t.TempDir()
	overlay, err := mutants.Overlay(harness.Root(), dir, patches)
	if err != nil {
		t.Fatal(err)
	}
	b := &binaries{dir: dir, overlay: overlay, paths: map[string]func() (string, error){}, controls: map[string]func() (string, error){}}
	for _, p := range patches {
		for _, f := range p.Finders {
			if f.Package == crash {
				continue
			}
			t.Run(p.Name+" by "+f.Test, func(t *testing.T) {
				t.Parallel()
				b.find(t, p.Name, f)
			})
		}
	}
}

// shareOf returns every nth patch from the kth on, where which is "k/n".
func shareOf(t *testing.T, patches []mutants.Patch, which string) []mutants.Patch {
	t.Helper()
	if which == "1" {
		return patches
	}
	var k, n int
	if _, err := fmt.Sscanf(which, "%d/%d", &k, &n); err != nil || k < 1 || k > n {
		t.Fatalf("TAPLINE_TEST_MUTANTS is %q: it must be 1, or a share like 1/2", which)
	}
	var share []mutants.Patch
	for i := k - 1; i < len(patches); i += n {
		share = append(share, patches[i])
	}
	return share
}

// TestSharesAreEverything: whoever makes each share has made every mistake, once.
func TestSharesAreEverything(t *testing.T) {
	t.Parallel()
	made := map[string]int{}
	for _, which := range []string{"1/3", "2/3", "3/3"} {
		for _, p := range shareOf(t, load(t), which) {
			made[p.Name]++
		}
	}
	for _, p := range load(t) {
		if made[p.Name] != 1 {
			t.Errorf("the three shares make %s %d times", p.Name, made[p.Name])
		}
	}
}

// binaries builds the tests of a package once.
type binaries struct {
	dir, overlay string
	mu           sync.Mutex
	paths        map[string]func() (string, error)
	controls     map[string]func() (string, error)
}

func (b *binaries) of(t *testing.T, folder string) string {
	t.Helper()
	b.mu.Lock()
	build, ok := b.paths[folder]
	if !ok {
		build = sync.OnceValues(func() (string, error) {
			path := filepath.Join(b.dir, strings.ReplaceAll(folder, "/", "_")+".test")
			cmd := exec.Command("go", "test", "-c", "-o", path, "-trimpath", "-tags", harness.Tags, "-overlay", b.overlay, "./"+folder)
			cmd.Dir = harness.Root()
			out, err := cmd.CombinedOutput()
			return string(out), err
		})
		b.paths[folder] = build
	}
	b.mu.Unlock()
	if out, err := build(); err != nil {
		t.Fatalf("building the tests of %s with the mistakes: %v\n%s", folder, err, out)
	}
	return filepath.Join(b.dir, strings.ReplaceAll(folder, "/", "_")+".test")
}

var complaint = regexp.MustCompile(`(?m)^ *\w+_test\.go:\d+: .*$`)

func (b *binaries) find(t *testing.T, name string, f mutants.Finder) {
	binary := b.of(t, f.Package)
	if out, err := b.control(t, binary, f); err != nil || !strings.Contains(out, "--- PASS: "+f.Test) {
		t.Fatalf("%s fails or does not run without the mistake: %v\n%s", f.Test, err, out)
	}
	begin := time.Now()
	out, err := b.run(t, binary, f, name)
	if err == nil || !strings.Contains(out, "--- FAIL: "+f.Test) {
		t.Fatalf("the mistake is not found: %v\n%s", err, out)
	}
	said := append([]string{""}, complaint.FindAllString(out, -1)...)
	t.Logf("found after %s: %s", time.Since(begin).Round(100*time.Millisecond), strings.TrimSpace(said[len(said)-1]))
}

// control runs a finder without a mistake, once however many mistakes it finds. Of
// the model it runs the first world only: make test runs all of them.
func (b *binaries) control(t *testing.T, binary string, f mutants.Finder) (string, error) {
	if strings.Contains(strings.Join(f.Args, " "), "-model.") {
		f.Args = append(slices.Clone(f.Args), "-model.seeds=20")
	}
	key := fmt.Sprint(f)
	b.mu.Lock()
	once, ok := b.controls[key]
	if !ok {
		once = sync.OnceValues(func() (string, error) { return b.run(t, binary, f, "") })
		b.controls[key] = once
	}
	b.mu.Unlock()
	return once()
}

func (b *binaries) run(t *testing.T, binary string, f mutants.Finder, name string) (string, error) {
	args := append([]string{"-test.run=^" + f.Test + "$", "-test.v", "-test.timeout=5m"}, f.Args...)
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = filepath.Join(harness.Root(), f.Package)
	cmd.Env = append(os.Environ(), mistake.Variable+"="+name)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

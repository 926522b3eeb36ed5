package tests

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapline.dev/tests/harness"
)

var (
	link     = regexp.MustCompile(`\]\(([^)#:]+)\)`)
	codeFile = regexp.MustCompile("`([A-Za-z0-9_./-]+\\.(?:go|md|yaml|json))`")
	heading  = regexp.MustCompile(`(?m)^## .*?: ([a-z/]+)`)
	folder   = regexp.MustCompile("`([A-Za-z0-9_./-]+)/`")
	place    = regexp.MustCompile(`(?m)^\| [^|]*\| (\d+)\. `)
)

// pages returns every page of the documentation.
func pages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(harness.Root(), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	decisions, _ := filepath.Glob(filepath.Join(harness.Root(), "docs", "decisions", "*.md"))
	runbooks, _ := filepath.Glob(filepath.Join(harness.Root(), "docs", "runbooks", "*.md"))
	decisions = append(decisions, runbooks...)
	return append(append(pages, decisions...), filepath.Join(harness.Root(), "README.md"), filepath.Join(harness.Root(), "CONTRIBUTING.md"))
}

// TestDocumentsPointAtFiles: every relative link of every page names an existing file,
// and every file that the life of a row names exists where its heading says.
func TestDocumentsPointAtFiles(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", filepath.Base(page), m[1], err)
			}
		}
	}
	checkLifeOfARow(t)
}

var (
	namedTest   = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]*)`")
	definedTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]*)\(`)
)

// definedTests returns the names of all tests of the tree.
func definedTests(t *testing.T) map[string]bool {
	t.Helper()
	defined := map[string]bool{}
	err := filepath.WalkDir(harness.Root(), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != harness.Root():
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range definedTest.FindAllSubmatch(text, -1) {
			defined[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return defined
}

// TestDocumentsNameTests: every test that a page names exists, so that no promise rests on
// a test that was renamed or deleted.
func TestDocumentsNameTests(t *testing.T) {
	t.Parallel()
	defined := definedTests(t)
	names := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range namedTest.FindAllStringSubmatch(string(text), -1) {
			names++
			if !defined[m[1]] {
				t.Errorf("%s names %s, and there is no such test", filepath.Base(page), m[1])
			}
		}
	}
	if names < 100 {
		t.Errorf("the pages name %d tests, want at least 100: have they changed their form?", names)
	}
}

// namedKey is what stands before a key's value, or alone, in a page's code.
var namedKey = regexp.MustCompile("`([a-z][A-Za-z.]*)(?:: [^`]*)?`")

// TestDocumentsSpellKeys: keys of the configuration are written as the services read them;
// a service refuses a key that differs in case.
func TestDocumentsSpellKeys(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "libs/daemon/keys.txt"))
	if err != nil {
		t.Fatal(err)
	}
	spelling := map[string]string{} // by the key, and by its last part, in lower case
	for _, key := range strings.Fields(string(text)) {
		last := key[strings.LastIndex(key, ".")+1:]
		spelling[strings.ToLower(key)], spelling[strings.ToLower(last)] = key, last
	}
	found := 0
	for _, page := range append(pages(t), filepath.Join(harness.Root(), "CHANGELOG.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range namedKey.FindAllStringSubmatch(string(text), -1) {
			want, ok := spelling[strings.ToLower(m[1])]
			if !ok {
				continue
			}
			if found++; m[1] != want {
				t.Errorf("%s writes %s, and the key is %s", filepath.Base(page), m[1], want)
			}
		}
	}
	if found < 100 {
		t.Errorf("the pages name %d keys, want at least 100: have they changed their form?", found)
	}
}

// inMakefile is the name of a test in the Makefile, without the beginnings of patterns.
var inMakefile = regexp.MustCompile(`\b(Test[A-Z][A-Za-z0-9]*)(?:[^A-Za-z0-9.]|$)`)

// testParts is a list of parts of names of tests, in the Makefile or in .ci/run.
var testParts = regexp.MustCompile(`(?m)^(?:export )?(?:LARGE|BOUNDED|CRASH_SKIP) ?[?:]?= ?'?([A-Za-z|]+?)(?:\|\$\(BOUNDED\))?'?$`)

// TestMakefileNamesTests: every test that a target names exists, and every part of a name
// that the lists of the Makefile and of .ci/run hold is in the name of one. Go says nothing
// if no test has the name, so a test that was renamed would no longer be run.
func TestMakefileNamesTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	defined := definedTests(t)
	names := inMakefile.FindAllSubmatch(text, -1)
	for _, m := range names {
		if !defined[string(m[1])] {
			t.Errorf("the Makefile names %s, and there is no such test", m[1])
		}
	}
	if len(names) < 20 {
		t.Errorf("the Makefile names %d tests, want at least 20: has it changed its form?", len(names))
	}
	ci, err := os.ReadFile(filepath.Join(harness.Root(), ".ci/run"))
	if err != nil {
		t.Fatal(err)
	}
	lists := testParts.FindAllSubmatch(append(text, ci...), -1)
	if len(lists) < 4 {
		t.Errorf("%d lists of parts of names, want LARGE twice, BOUNDED and CRASH_SKIP", len(lists))
	}
	for _, m := range lists {
		for part := range strings.SplitSeq(string(m[1]), "|") {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(defined)), func(name string) bool { return strings.Contains(name, part) }) {
				t.Errorf("%s names %s, and no test has that in its name", m[0], part)
			}
		}
	}
}

func checkLifeOfARow(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs", "life-of-a-row.md"))
	if err != nil {
		t.Fatal(err)
	}
	starts := heading.FindAllSubmatchIndex(text, -1)
	if len(starts) < 5 {
		t.Fatalf("the life of a row has %d steps with a folder, want at least 5", len(starts))
	}
	for i, at := range starts {
		service, end := string(text[at[2]:at[3]]), len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		step := text[at[0]:end]
		for _, m := range append(codeFile.FindAllSubmatch(step, -1), folder.FindAllSubmatch(step, -1)...) {
			if _, err := os.Stat(filepath.Join(harness.Root(), service, string(m[1]))); err != nil {
				t.Errorf("step %d names %s in %s: %v", i+1, m[1], service, err)
			}
		}
		if service == "services/loader" {
			checkPlaces(t, step)
		}
	}
}

// checkPlaces: a record visits at most eight places of the loader from its poll to its
// commit, in one direction.
func checkPlaces(t *testing.T, step []byte) {
	t.Helper()
	places := place.FindAllSubmatch(step, -1)
	for i, m := range places {
		if string(m[1]) != strconv.Itoa(i+1) {
			t.Errorf("place %d of the loader has the number %s", i+1, m[1])
		}
	}
	if n := len(places); n < 5 || n > 8 {
		t.Errorf("a record visits %d places of the loader, want 5 to 8", n)
	}
}

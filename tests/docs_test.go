package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"tapline.dev/tests/harness"
)

var (
	link     = regexp.MustCompile(`\]\(([^)#:]+)\)`)
	codeFile = regexp.MustCompile("`([A-Za-z0-9_./-]+\\.(?:go|md|yaml|json))`")
	heading  = regexp.MustCompile(`(?m)^## .*?: ([a-z/]+)`)
)

// TestDocumentsPointAtFiles: every relative link of every page names an existing file,
// and every file that the life of a row names exists where its heading says.
func TestDocumentsPointAtFiles(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(harness.Root(), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	decisions, _ := filepath.Glob(filepath.Join(harness.Root(), "docs", "decisions", "*.md"))
	pages = append(append(pages, decisions...), filepath.Join(harness.Root(), "README.md"), filepath.Join(harness.Root(), "CONTRIBUTING.md"))
	for _, page := range pages {
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
		folder, end := string(text[at[2]:at[3]]), len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		for _, m := range codeFile.FindAllSubmatch(text[at[0]:end], -1) {
			if _, err := os.Stat(filepath.Join(harness.Root(), folder, string(m[1]))); err != nil {
				t.Errorf("step %d names %s in %s: %v", i+1, m[1], folder, err)
			}
		}
	}
}

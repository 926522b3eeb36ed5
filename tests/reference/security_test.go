package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapline.dev/tests/harness"
)

// TestEveryTestInTheDocumentExists: a test that docs/security.md names as a proof
// is there.
func TestEveryTestInTheDocumentExists(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir(harness.Root(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != harness.Root() {
				return filepath.SkipDir
			}
			return err
		}
		code, err := os.ReadFile(path)
		for _, found := range declared.FindAllStringSubmatch(string(code), -1) {
			exists[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(?:[a-z]+\\.)?(Test\\w+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 50 {
		t.Fatalf("the document names %d tests", len(named))
	}
	for _, name := range named {
		if !exists[name[1]] {
			t.Errorf("docs/security.md names %s, which is no test", name[1])
		}
	}
}

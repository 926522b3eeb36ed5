package tests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapline.dev/tests/harness"
)

// assumed are the words with which a comment asks its reader to hold a lock.
var assumed = regexp.MustCompile(`(?i)//.*(caller|callers) (must )?holds? (the |its )?(lock|mutex|mu\b|[a-z.]*mu\b)|//.*(with|while) [a-z.]*(mu|the lock|the mutex) (is )?(held|locked)`)

// TestNoLockIsAssumedByComment: a function that needs a lock takes it, or it is a method of
// the state that the lock guards.
func TestNoLockIsAssumedByComment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"// of returns the counts of a run. The caller holds the lock.": true,
		"// refresh reads the keys again. The caller holds mu.":         true,
		"// step goes on while c.mu is held.":                           true,
		"// Hold is called by the caller of Lock.":                      false,
	} {
		if assumed.MatchString(text) != want {
			t.Errorf("%q assumes a lock: want %v", text, want)
		}
	}
	err := filepath.WalkDir(harness.Root(), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != harness.Root() || d.Name() == "node_modules"):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "locks_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if found := assumed.Find(text); found != nil {
			t.Errorf("%s: %s", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

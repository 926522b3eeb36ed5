package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/tests/harness"
)

// TestPagesAreCurrent: a key, a metric, a code or a topic that was added, changed
// or removed is in the reference pages.
func TestPagesAreCurrent(t *testing.T) {
	t.Parallel()
	pages, err := pages(harness.Root())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(harness.Root(), name))
		if err != nil {
			t.Errorf("%v (make docs writes it)", err)
			continue
		}
		if diff := cmp.Diff(string(got), want); diff != "" {
			t.Errorf("%s differs from the code; run make docs (-page +code):\n%s", name, diff)
		}
	}
}

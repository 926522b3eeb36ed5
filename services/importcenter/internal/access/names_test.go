package access

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNames: a deployment's names are taken beside Tapline's own, and none can mean two
// roles.
func TestNames(t *testing.T) {
	t.Parallel()
	names, err := ParseNames([]string{"operator=runner", "admin=Owner", "viewer=viewer"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"viewer", "runner", "analyst", "editor", "Owner"}, names.All()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]string{"operator": "runner", "admin": "Owner"}, names.Renamed()); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]Role{"runner": Operator, "operator": Operator, "Owner": Admin, "admin": Admin, "viewer": Viewer} {
		if got, err := names.Parse(text); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"owner", "Runner", "anyone", "", "root"} {
		if got, err := names.Parse(text); err == nil || !strings.Contains(err.Error(), "runner") {
			t.Errorf("%q = %s, %v", text, got, err)
		}
	}
	for _, wrong := range [][]string{
		{"operator"}, {"operator="}, {"=runner"}, {"root=runner"}, {"anyone=guest"}, {"operator=admin"}, {"operator=Admin"}, {"operator=anyone"}, {"operator=a b"}, {"operator=1st"},
		{"operator=runner", "operator=walker"}, {"operator=runner", "admin=runner"}, {"operator=runner", "admin=RUNNER"}, {"viewer=operator", "operator=viewer"},
		{"operator=" + strings.Repeat("r", 41)},
	} {
		if _, err := ParseNames(wrong); err == nil {
			t.Errorf("%q are taken", wrong)
		}
	}
	var zero Names
	if zero.Of(Editor) != "editor" || zero.Other(Editor) != "" || len(zero.Renamed()) > 0 {
		t.Error("the zero value renames")
	}
}

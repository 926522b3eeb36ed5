package access

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	for _, r := range Roles() {
		if got, err := ParseRole(r.String()); got != r || err != nil {
			t.Errorf("ParseRole(%q) = %v, %v", r.String(), got, err)
		}
		if (Caller{}).May(r) {
			t.Errorf("whoever is unknown may what a %s may", r)
		}
	}
	for _, bad := range []string{"", "anyone", "root", "Admin"} {
		if _, err := ParseRole(bad); err == nil {
			t.Errorf("ParseRole(%q) was accepted", bad)
		}
	}
}

func TestReaches(t *testing.T) {
	t.Parallel()
	orders := schemas.Metadata{Name: "orders-eu", Labels: map[string]string{"team": "crm", "env": "prod"}}
	for name, c := range map[string]struct {
		selector *schemas.Selector
		want     bool
	}{
		"no selector":            {nil, true},
		"its name":               {&schemas.Selector{Names: []string{"customers", "orders-eu"}}, true},
		"another name":           {&schemas.Selector{Names: []string{"orders"}}, false},
		"a pattern":              {&schemas.Selector{Names: []string{"orders-*"}}, true},
		"a broken pattern":       {&schemas.Selector{Names: []string{"[orders-eu"}}, false},
		"its label":              {&schemas.Selector{Labels: map[string]string{"team": "crm"}}, true},
		"one label of two":       {&schemas.Selector{Labels: map[string]string{"team": "crm", "env": "test"}}, false},
		"a label it has not":     {&schemas.Selector{Labels: map[string]string{"region": ""}}, false},
		"name but not the label": {&schemas.Selector{Names: []string{"orders-eu"}, Labels: map[string]string{"team": "bi"}}, false},
	} {
		if got := (Caller{Selector: c.selector}).Reaches(orders); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestRoutesAreDocumented holds docs/access.md to the table.
func TestRoutesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| role | operation | bounded by a selector | |\n|---|---|---|---|\n")
	scopes := map[Scope]string{
		ScopeNone: "no", ScopeNamed: "the import must be selected", ScopeListed: "lists what is selected",
		ScopeDocuments: "every import must be selected", ScopeWhole: "refused", ScopeApproval: "every import of it must be selected",
	}
	for _, role := range append([]Role{Anyone}, Roles()...) {
		for _, id := range slices.Sorted(maps.Keys(Routes)) {
			route := Routes[id]
			if route.Role != role {
				continue
			}
			note := route.Note
			if route.ShowsRows {
				note = strings.TrimSuffix("shows rows; audited; "+note, "; ")
			}
			fmt.Fprintf(&table, "| %s | `%s` | %s | %s |\n", role, id, scopes[route.Scope], note)
		}
	}
	_, rest, _ := strings.Cut(string(text), "<!-- routes -->\n")
	got, _, _ := strings.Cut(rest, "<!-- end -->")
	if diff := cmp.Diff(table.String(), got); diff != "" {
		t.Errorf("docs/access.md mismatch (-routes.go +page):\n%s", diff)
		if os.Getenv("TAPLINE_WRITE_DOCS") != "" {
			page := strings.Replace(string(text), "<!-- routes -->\n"+got, "<!-- routes -->\n"+table.String(), 1)
			if err := os.WriteFile("../../../../docs/access.md", []byte(page), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestStillHolds: a stream asks as it continues; a credential ends with its time, and
// at once where it was revoked.
func TestStillHolds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	revoked := func(time.Time) error { return errors.New("revoked") }
	for name, c := range map[string]struct {
		caller Caller
		want   bool
	}{
		"no end":               {Caller{}, true},
		"an end that is ahead": {Caller{Expires: now.Add(time.Second)}, true},
		"at its end":           {Caller{Expires: now}, false},
		"after its end":        {Caller{Expires: now.Add(-time.Second)}, false},
		"revoked before it":    {Caller{Expires: now.Add(time.Hour), Holds: revoked}, false},
	} {
		if got := c.caller.StillHolds(now) == nil; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

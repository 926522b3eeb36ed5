package definition

import (
	"strings"
	"testing"

	"tapline.dev/schemas"
)

func TestSettleExpressions(t *testing.T) {
	t.Parallel()
	defined := func(expr, mark string) schemas.Definition {
		d := schemas.Definition{Metadata: schemas.Metadata{Name: "shop"}, Spec: schemas.ImportSpec{Expressions: mark, Mapping: []schemas.Property{{From: "A"}}}}
		if expr != "" {
			d.Spec.Mapping = append(d.Spec.Mapping, schemas.Property{To: "p", Expr: expr})
		}
		return d
	}
	for name, tt := range map[string]struct {
		applied *schemas.Definition
		now     schemas.Definition
		want    string
		former  bool
	}{
		"new":                         {nil, defined("A + 1", ""), "exact", false},
		"no expression":               {nil, defined("", ""), "", false},
		"applied before, as it was":   {new(defined("A + 1", "")), defined("A + 1", ""), "", true},
		"applied before, edited":      {new(defined("A + 1", "")), defined("A + 2", ""), "exact", false},
		"applied before, asked for":   {new(defined("A + 1", "")), defined("A + 1", "exact"), "exact", false},
		"applied exactly":             {new(defined("A + 1", "exact")), defined("A + 1", ""), "exact", false},
		"had no expression before":    {new(defined("", "")), defined("A + 1", ""), "exact", false},
		"has no expression any more":  {new(defined("A + 1", "")), defined("", ""), "", false},
		"exact, and now another":      {new(defined("A + 1", "exact")), defined("A + 2", ""), "exact", false},
		"a word that nobody knows":    {nil, defined("A + 1", "former"), "former", true},
		"another import of that name": {nil, defined("A + 1", ""), "exact", false},
	} {
		set := Set{Imports: []schemas.Definition{tt.now}}
		set.SettleExpressions(func(string) (schemas.Definition, bool) {
			if tt.applied == nil {
				return schemas.Definition{}, false
			}
			return *tt.applied, true
		})
		if got := set.Imports[0].Spec.Expressions; got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		note := FormerExpressions(set.Imports[0])
		if (note != "") != tt.former || tt.former && !strings.Contains(note, "of shop mean") {
			t.Errorf("%s: %q", name, note)
		}
	}
}

// TestMappingCheckCompilesOnce: once it is done, nothing is compiled any more.
func TestMappingCheckCompilesOnce(t *testing.T) {
	t.Parallel()
	set := Set{Imports: []schemas.Definition{{Metadata: schemas.Metadata{Name: "shop"}, Spec: schemas.ImportSpec{
		Destination: schemas.Destination{Type: schemas.TypeProfile}, Identity: schemas.Identity{Column: "ID"}, Mapping: []schemas.Property{{From: "A", To: "a.b"}}}}}}
	var check MappingCheck
	first := check.Check(t.Context(), &set, anyAccount)
	if len(first) != 1 || first[0].Code != "name_invalid" {
		t.Fatalf("got %v", first)
	}
	check.Done()
	if again := check.Check(t.Context(), &set, anyAccount); len(again) != 1 || again[0] != first[0] {
		t.Errorf("after it: %v", again)
	}
	set.Imports[0].Spec.Mapping[0].To = "a"
	if other := check.Check(t.Context(), &set, anyAccount); len(other) != 1 || other[0].Code != "conflict" {
		t.Errorf("something else: %v", other)
	}
}

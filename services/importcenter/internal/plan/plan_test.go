package plan

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

type fixed struct {
	imports   map[string]schemas.Definition
	resources map[string]schemas.Resource
}

func (f fixed) Import(name string) (schemas.Definition, bool) {
	d, ok := f.imports[name]
	return d, ok
}

func (f fixed) Resource(kind, name string) (schemas.Resource, bool) {
	r, ok := f.resources[schemas.ResourceKey(kind, name)]
	return r, ok
}

func (f fixed) Unknown(string, string) *schemas.Unknown { return nil }

func (f fixed) Next(string) (generation, first int) { return 1, 1 }

func definition(name, query string) schemas.Definition {
	return schemas.Definition{
		Metadata: schemas.Metadata{Name: name},
		Spec: schemas.ImportSpec{
			Source:      schemas.Source{ConnectionRef: "warehouse", Query: query},
			Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile},
		},
	}
}

func resource(kind, name, spec string) schemas.Resource {
	return schemas.Resource{Kind: kind, Metadata: schemas.Metadata{Name: name}, Spec: json.RawMessage(spec)}
}

func TestMake(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	connection := resource(schemas.KindSnowflakeConnection, "warehouse", `{"user": "A", "account": "x"}`)
	account := resource(schemas.KindCleverTapAccount, "clevertap", `{"region":"in1"}`)
	applied := definition("customers", "select 1")
	applied.Generation = 4
	stored := connection
	stored.Generation = 2
	current := fixed{
		imports:   map[string]schemas.Definition{"customers": applied},
		resources: map[string]schemas.Resource{"SnowflakeConnection/warehouse": stored, "CleverTapAccount/clevertap": account},
	}
	tests := []struct {
		name    string
		set     Set
		current fixed
		want    []string
	}{
		{"new import with its resources in the set",
			Set{Imports: []schemas.Definition{definition("customers", "select 1")}, Resources: []schemas.Resource{connection, account}},
			fixed{},
			[]string{"warehouse created 1", "clevertap created 1", "customers created 1"}},
		{"the same again keeps its generation, whatever the blanks and order of keys",
			Set{Imports: []schemas.Definition{definition("customers", "select 1")},
				Resources: []schemas.Resource{resource(schemas.KindSnowflakeConnection, "warehouse", `{"account":"x","user":"A"}`)}},
			current,
			[]string{"warehouse unchanged 2", "customers unchanged 4"}},
		{"another query is another generation",
			Set{Imports: []schemas.Definition{definition("customers", "select 2")}}, current,
			[]string{"customers updated 5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			changes := Make(tt.set, tt.current, now)
			var got []string
			for _, c := range changes {
				got = append(got, c.Name+" "+c.Outcome+" "+string(rune('0'+c.Generation)))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMakeStampsWhatItChanges(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	changes := Make(Set{Resources: []schemas.Resource{resource(schemas.KindCleverTapAccount, "clevertap", `{}`)}}, fixed{}, now)
	if len(changes) != 1 {
		t.Fatalf("Make = %v", changes)
	}
	want := &schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: schemas.KindCleverTapAccount, Metadata: schemas.Metadata{Name: "clevertap"},
		Spec: json.RawMessage(`{}`), Generation: 1, AppliedAt: now,
	}
	if diff := cmp.Diff(want, changes[0].Resource); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
	if changes[0].Before != nil {
		t.Errorf("Before = %s, want none for something new", changes[0].Before)
	}
}

// TestFieldsOfWhatIsNew: what is created or removed is shown field by field, and so is an
// object or a list that was empty.
func TestFieldsOfWhatIsNew(t *testing.T) {
	t.Parallel()
	made := definition("customers", "select 1")
	made.Spec.Mapping = []schemas.Property{{From: "EMAIL", To: "Email"}}
	paths := func(c Change) (out []string) {
		for _, f := range Fields(c) {
			out = append(out, f.Op+" "+f.Path)
		}
		return out
	}
	want := []string{
		"add metadata.name", "add spec.destination.accountRef", "add spec.destination.type", "add spec.identity.column", "add spec.mapping[Email].from",
		"add spec.mapping[Email].to", "add spec.source.connectionRef", "add spec.source.query",
	}
	if diff := cmp.Diff(want, paths(Change{Outcome: Created, Import: &made})); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	removed := paths(Change{Outcome: Removed, Import: &made, Before: encoded(true, made)})
	if len(removed) != len(want) || removed[0] != "remove metadata.name" {
		t.Errorf("removed: %v", removed)
	}
	bare := made
	bare.Spec.Mapping = []schemas.Property{}
	grown := paths(Change{Outcome: Updated, Import: &made, Before: encoded(true, bare)})
	if diff := cmp.Diff([]string{"add spec.mapping[Email].from", "add spec.mapping[Email].to"}, grown); diff != "" {
		t.Errorf("the first line of a mapping (-want +got):\n%s", diff)
	}
}

package mapping_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// TestTraceAgreesWithMap: what a trace says of each line is what the record holds, and a
// row is rejected for the first line that the trace calls rejected.
func TestTraceAgreesWithMap(t *testing.T) {
	t.Parallel()
	spec := schemas.ImportSpec{
		Destination: schemas.Destination{Type: schemas.TypeProfile}, Identity: schemas.Identity{Column: "ID"},
		Mapping: []schemas.Property{
			{From: "NAME", To: "Name"},
			{From: "EMAIL", To: "Email"},
			{From: "MAIL2", To: "second", OnInvalid: "omit", Type: "integer"},
			{From: "PLAN", To: "plan", OnNull: "default", Default: json.RawMessage(`"free"`)},
			{To: "source", Value: json.RawMessage(`"warehouse"`)},
		},
	}
	columns := []schemas.Column{{Name: "ID", Type: "TEXT"}, {Name: "NAME", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"}, {Name: "MAIL2", Type: "TEXT"}, {Name: "PLAN", Type: "TEXT"}}
	m, problems := mapping.Compile(spec, columns, mapping.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for row, want := range map[string][]string{
		`{"ID":"a\"b","NAME":"Ada","EMAIL":"a@b.co","MAIL2":"7","PLAN":"gold"}`: {
			`identity "a\"b" "a\"b" set`, `Name "Ada" "Ada" set`, `Email "a@b.co" "a@b.co" set`, `second "7" 7 set`, `plan "gold" "gold" set`, `source  "warehouse" constant`,
		},
		`{"ID":"c","NAME":null,"EMAIL":"a@b.co","MAIL2":"x","PLAN":null}`: {
			`identity "c" "c" set`, `Name   null`, `Email "a@b.co" "a@b.co" set`, `second "x"  omitted`, `plan  "free" default`, `source  "warehouse" constant`,
		},
		`{"ID":"N/A","NAME":"Ada","EMAIL":"nobody","MAIL2":"x","PLAN":null}`: {
			`identity "N/A"  rejected`, `Name "Ada" "Ada" set`, `Email "nobody"  rejected`, `second "x"  omitted`, `plan  "free" default`, `source  "warehouse" constant`,
		},
	} {
		steps, rejects := m.Trace([]byte(row), 1)
		var got []string
		members := map[string]any{}
		first := ""
		for _, s := range steps {
			got = append(got, fmt.Sprintf("%s %s %s %s", s.Property, s.Before, s.After, s.Result))
			if s.Result == mapping.StepRejected && first == "" {
				first = s.Code
			}
			var value any
			if s.Line >= 0 && s.After != nil {
				if err := json.Unmarshal(s.After, &value); err != nil {
					t.Fatal(err)
				}
				members[s.Property] = value
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("trace of %s (-want +got):\n%s", row, diff)
		}
		record, refused := m.Map(nil, []byte(row), 1)
		if len(refused) > 0 {
			if first != refused[0].Code || len(rejects) == 0 || rejects[0] != refused[0] {
				t.Errorf("%s is rejected for %+v, and the trace says %s, %+v", row, refused, first, rejects)
			}
			continue
		}
		var made struct {
			ProfileData map[string]any `json:"profileData"`
		}
		if err := json.Unmarshal(record, &made); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(made.ProfileData, members); diff != "" || first != "" || len(rejects) > 0 {
			t.Errorf("%s: the trace differs from the record (-record +trace):\n%s", row, diff)
		}
	}
	if steps, rejects := m.Trace([]byte(`[]`), 1); len(steps) > 0 || len(rejects) != 1 {
		t.Errorf("a row that cannot be read gives %v, %v", steps, rejects)
	}
}

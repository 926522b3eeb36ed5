package fold

import (
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestADryRunTellsTheOrderOfEvents only where it is not that of the events' time.
func TestADryRunTellsTheOrderOfEvents(t *testing.T) {
	t.Parallel()
	on := &schemas.EventSpec{Name: "Bought", CreatedOn: &schemas.CreatedOn{Column: "BOUGHT_AT"}}
	for name, c := range map[string]struct {
		run    string
		event  *schemas.EventSpec
		cursor *schemas.Cursor
		want   string
	}{
		"profiles":         {"a.d1", nil, nil, ""},
		"no createdOn":     {"a.d1", &schemas.EventSpec{Name: "Bought"}, nil, ""},
		"no cursor":        {"a.d1", on, nil, "Snowflake returns"},
		"another cursor":   {"a.d1", on, &schemas.Cursor{Column: "UPDATED_AT"}, "order of the cursor"},
		"it is the cursor": {"a.d1", on, &schemas.Cursor{Column: "BOUGHT_AT"}, ""},
		"no dry run":       {"a.1", on, nil, ""},
	} {
		spec := schemas.ImportSpec{Source: schemas.Source{Cursor: c.cursor}, Destination: schemas.Destination{Event: c.event}}
		notes := strings.Join(orderNotes(&schemas.ActiveRun{Run: c.run, Spec: spec}), "")
		if (c.want == "") != (notes == "") || !strings.Contains(notes, c.want) {
			t.Errorf("%s: notes %q, want %q", name, notes, c.want)
		}
	}
}

package api

import (
	"testing"

	"tapline.dev/schemas"
)

// TestHealthIsFilteredWhateverTheCondition: an import that is yellow and held is both.
func TestHealthIsFilteredWhateverTheCondition(t *testing.T) {
	t.Parallel()
	share := 0.974
	held, fresh := schemas.Listing{Import: "a", Health: &share}, schemas.Listing{Import: "b"}
	held.Condition, fresh.Condition = "held", "neverRun"
	for _, c := range []struct {
		filter ImportFilter
		row    schemas.Listing
		want   bool
	}{
		{ImportFilter{Health: []string{"yellow"}}, held, true},
		{ImportFilter{Health: []string{"green", "red"}}, held, false},
		{ImportFilter{Condition: []string{"held"}}, held, true},
		{ImportFilter{Condition: []string{"yellow"}}, held, false},
		{ImportFilter{Health: []string{"green", "yellow", "red"}}, fresh, false},
	} {
		if got := c.filter.matches(c.row); got != c.want {
			t.Errorf("%+v matches %s %s: %v", c.filter, c.row.Import, c.row.Condition, got)
		}
	}
}

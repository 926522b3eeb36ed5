package api

import (
	"testing"

	"tapline.dev/schemas"
)

// TestTheExampleIsOfAFailure: a line with rows that fail names one of their codes, whatever was
// left out before.
func TestTheExampleIsOfAFailure(t *testing.T) {
	t.Parallel()
	spec := schemas.ImportSpec{Destination: schemas.Destination{Event: &schemas.EventSpec{CreatedOn: &schemas.CreatedOn{Column: "AT"}}}}
	counts := newPropertyCounts(spec, nil)
	check := func(code string) []DryRunCheck { return []DryRunCheck{{Code: code, Column: "AT"}} }
	counts.add(nil, check("event_live"))
	counts.add(check("outside_retention"), nil)
	counts.add(check("ts_invalid"), check("event_in_future"))
	if got := counts.properties[0]; len(counts.properties) != 1 || got.Code != "outside_retention" || got.Failing != 2 || got.Omitted != 2 {
		t.Errorf("%+v", counts.properties)
	}
}

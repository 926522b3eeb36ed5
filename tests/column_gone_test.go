package tests

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestAColumnThatIsGone: by default a mapped column that the table no longer has fails the
// run. With onColumnChange: hold a person lets it go on without the column's line of the
// mapping, and with continue nobody is asked. What CleverTap has of the property stays.
func TestAColumnThatIsGone(t *testing.T) {
	t.Parallel()
	path, _ := customers(t, 40)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	warehouse := c.Warehouse(t)
	definitions := map[string]string{}
	for name, word := range map[string]string{"fails": "", "asks": "hold", "goes-on": "continue"} {
		definitions[name] = definition(name)
		if word != "" {
			definitions[name] += "  onColumnChange: " + word + "\n"
		}
		c.ApplyText(t, definitions[name])
		if r := c.Close(t, c.Trigger(t, name), time.Minute); r.Counts.Loaded == 0 {
			t.Fatalf("%s before the change: %+v", name, r)
		}
	}
	warehouse.Exec(t, "CREATE OR REPLACE TABLE "+table+" AS SELECT * EXCLUDE (EMAIL), 1 AS ROUND FROM "+table)

	if r := c.Close(t, c.Trigger(t, "fails"), time.Minute); r.State != schemas.StateFailed || r.Error == nil || r.Error.Code != "column_missing" {
		t.Errorf("by default: %s, %+v", r.State, r.Error)
	}
	const note = "column EMAIL is gone: the lines of the mapping that read it are left out"
	goneOn := func(r schemas.Run) {
		t.Helper()
		if r.State != schemas.StateSucceeded || r.Counts.Loaded == 0 || r.Counts.Loaded != r.Counts.Read || !strings.Contains(strings.Join(r.Notes, "\n"), note) {
			t.Errorf("without the column: %+v", r)
		}
	}
	held := c.Trigger(t, "asks")
	r := c.Await(t, held, time.Minute, "it is held", func(r schemas.Run) bool { return r.State == schemas.StateHeld })
	if r.HeldBecause == nil || r.HeldBecause.Code != schemas.HoldColumnGone || r.HeldBecause.Figures[0].Column != "EMAIL" || r.Counts.Read != 0 {
		t.Errorf("held: %+v", r)
	}
	if out, code := c.CLI(t, "approve", held); code != 0 {
		t.Fatalf("tapline approve: exit code %d\n%s", code, out)
	}
	goneOn(c.Close(t, held, time.Minute))
	goneOn(c.Close(t, c.Trigger(t, "goes-on"), time.Minute))

	// The next runs ask nobody again, and one with the column back sends it.
	for _, name := range []string{"asks", "goes-on"} {
		if r := c.Close(t, c.Trigger(t, name), time.Minute); r.State != schemas.StateSucceeded || !strings.Contains(strings.Join(r.Notes, "\n"), note) {
			t.Errorf("%s, the run after it: %+v", name, r)
		}
	}
	warehouse.Exec(t, "CREATE OR REPLACE TABLE "+table+" AS SELECT *, 'back@example.com' AS EMAIL FROM "+table)
	for _, name := range []string{"asks", "goes-on"} {
		r := c.Close(t, c.Trigger(t, name), time.Minute)
		if r.State != schemas.StateSucceeded || r.Counts.Loaded == 0 || r.Counts.Loaded != r.Counts.Read || !strings.Contains(strings.Join(r.Notes, "\n"), "column EMAIL is new") {
			t.Errorf("%s with the column back: %+v", name, r)
		}
	}
}

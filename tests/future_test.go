package tests

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestACursorInAnotherUnit: a cursor that the definition calls seconds holds milliseconds.
// Every row lies far ahead of the clock, so that a run reads them all, loads none and
// succeeds. The dry run, the run and the listing say so. With the right unit all rows are
// loaded.
func TestACursorInAnotherUnit(t *testing.T) {
	t.Parallel()
	const n = 40
	path, _ := customers(t, n)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	text := strings.NewReplacer(
		"select * from", "select *, cast(1767225600000 + AGE as NUMBER(18,0)) as CHANGED from",
		"column: UPDATED_AT, lookback: 15m", "column: CHANGED, epoch: seconds",
	).Replace(definition("customers"))
	c.ApplyText(t, text)

	const hint = "the cursor has another unit (seconds, milliseconds)"
	if out, stderr, code := c.Tapline(t, "", "dryrun", "customers"); code != 0 || !strings.Contains(out, "warning: 40 rows have a cursor in the future") || !strings.Contains(out, hint) {
		t.Errorf("the dry run: exit code %d\n%s%s", code, out, stderr)
	}
	run := c.Close(t, c.Trigger(t, "customers"), time.Minute)
	if run.State != schemas.StateSucceeded || run.Counts.Future != n || run.Counts.Loaded != 0 || !strings.Contains(strings.Join(run.Notes, "\n"), hint) {
		t.Errorf("the run: %+v", run)
	}
	if out, _, _ := c.Tapline(t, "", "get", "imports"); !strings.Contains(out, "40 rows in the future") {
		t.Errorf("the listing:\n%s", out)
	}

	c.ApplyText(t, strings.Replace(text, "epoch: seconds", "epoch: milliseconds", 1))
	run = c.Close(t, c.Trigger(t, "customers"), time.Minute)
	if run.Counts.Future != 0 || run.Counts.Loaded+run.Counts.Rejected() != n {
		t.Errorf("the run with the right unit: %+v", run)
	}
	if out, _, _ := c.Tapline(t, "", "get", "imports"); strings.Contains(out, "in the future") {
		t.Errorf("the listing with the right unit:\n%s", out)
	}
}

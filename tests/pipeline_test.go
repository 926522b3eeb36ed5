package tests

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

const table = "SHOP.PUBLIC.CUSTOMERS"

// TestPipelineCountsAlikeInOneProcessAndAsPrograms runs the same import in one process and
// in separate programs.
func TestPipelineCountsAlikeInOneProcessAndAsPrograms(t *testing.T) {
	t.Parallel()
	const n = 100_000
	path, broken := customers(t, n)
	counts := map[bool]schemas.Counts{}
	for _, separate := range []bool{false, true} {
		c := harness.Start(t, harness.Options{Separate: separate, DevArgs: []string{"--load", table + "=" + path}})
		c.ApplyText(t, definition("customers"))
		run := c.Close(t, c.Trigger(t, "customers"), 2*time.Minute)
		if run.State != schemas.StateSucceededWithRejects {
			text, _ := json.Marshal(run)
			t.Fatalf("separate %v: the run is %s", separate, text)
		}
		if diff := cmp.Diff(broken, run.RejectsByCode); diff != "" {
			t.Errorf("separate %v: rejects mismatch (-want +got):\n%s", separate, diff)
		}
		counts[separate] = run.Counts
		stats := c.Stats(t)
		if want := n - sum(broken); stats.Profiles != want || stats.Records != want || stats.Duplicates != 0 {
			t.Errorf("separate %v: CleverTap holds %+v, want %d profiles from as many records", separate, stats, want)
		}
		if stats.MaxInFlight > 15 {
			t.Errorf("separate %v: %d requests were in flight", separate, stats.MaxInFlight)
		}
		if got := chunks(t, c, run.Run); got < 20 {
			t.Errorf("separate %v: the run was read in %d chunks, want at least 20", separate, got)
		}
		c.Dev.Stop(t)
		for _, s := range c.Services {
			s.Kill()
		}
	}
	rejected := sum(broken)
	want := schemas.Counts{Read: n, Extracted: n, Mapped: n - rejected, MapRejected: rejected, Loaded: n - rejected}
	for separate, got := range counts {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("separate %v: counts mismatch (-want +got):\n%s", separate, diff)
		}
	}
}

package tests

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// inTheMiddle returns a run of which rows have been read and records wait to be loaded.
func inTheMiddle(r schemas.Run) bool {
	return r.Counts.Extracted > 0 && r.Counts.Mapped > 0 && r.Counts.Loaded < r.Counts.Mapped && !schemas.Terminal(r.State)
}

// checkClosed compares a closed run's counts with what the source holds.
func checkClosed(t *testing.T, run schemas.Run, n int64, broken map[string]int64) {
	t.Helper()
	rejected := sum(broken)
	want := schemas.Counts{
		Read: n, Extracted: n, Mapped: n - rejected, MapRejected: rejected, Loaded: n - rejected,
		Resent: run.Counts.Resent,
	}
	if diff := cmp.Diff(want, run.Counts); diff != "" || run.State != schemas.StateSucceededWithRejects {
		text, _ := json.Marshal(run)
		t.Errorf("counts mismatch (-want +got):\n%sthe run is %s", diff, text)
	}
	if diff := cmp.Diff(broken, run.RejectsByCode); diff != "" {
		t.Errorf("rejects mismatch (-want +got):\n%s", diff)
	}
}

// TestTerminateEverythingInTheMiddle: SIGTERM drains, and what starts again continues
// where it was: nothing is loaded twice.
func TestTerminateEverythingInTheMiddle(t *testing.T) {
	t.Parallel()
	const n = 60_000
	path, broken := customers(t, n)
	c := harness.Start(t, harness.Options{Separate: true, DevArgs: []string{"--load", table + "=" + path}})
	c.ApplyText(t, definition("customers"))
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":1000,"share":1}]}`)
	name := c.Trigger(t, "customers")
	c.Await(t, name, time.Minute, "rows are being loaded", func(r schemas.Run) bool { return inTheMiddle(r) && r.Counts.Loaded > 0 })
	for _, service := range harness.Services {
		c.Services[service].Stop(t)
	}
	for _, service := range harness.Services {
		c.Services[service].Start(t)
	}
	run := c.Close(t, name, 2*time.Minute)
	checkClosed(t, run, n, broken)
	if stats := c.Stats(t); run.Counts.Resent != 0 || stats.Duplicates != 0 || stats.Records != run.Counts.Loaded {
		t.Errorf("resent %d, CleverTap holds %+v: something was loaded twice", run.Counts.Resent, stats)
	}
}

// TestTerminateTheWholeProcessInTheMiddle is the same for `tapline dev`, whose
// Kafka, sandboxes and services are one process: all of it ends and starts again.
func TestTerminateTheWholeProcessInTheMiddle(t *testing.T) {
	t.Parallel()
	const n = 60_000
	path, broken := customers(t, n)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	c.ApplyText(t, definition("customers"))
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":1000,"share":1}]}`)
	name := c.Trigger(t, "customers")
	c.Await(t, name, time.Minute, "rows are being loaded", func(r schemas.Run) bool { return inTheMiddle(r) && r.Counts.Loaded > 0 })
	c.Dev.Stop(t)
	c.StartDev(t)
	run := c.Close(t, name, 2*time.Minute)
	checkClosed(t, run, n, broken)
	if stats := c.Stats(t); run.Counts.Resent != 0 || stats.Duplicates != 0 || stats.Profiles != run.Counts.Loaded {
		t.Errorf("resent %d, CleverTap holds %+v: something was loaded twice or lost", run.Counts.Resent, stats)
	}
}

// TestKillEachServiceInTheMiddle: SIGKILL of any service loses nothing; only
// what the loader had in flight is sent again, and counted.
func TestKillEachServiceInTheMiddle(t *testing.T) {
	t.Parallel()
	const n = 30_000
	const slots, perUpload = 15, 1000
	path, broken := customers(t, n)
	c := harness.Start(t, harness.Options{Separate: true, DevArgs: []string{"--load", table + "=" + path}})
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":500,"share":1}]}`)
	for _, service := range harness.Services {
		t.Run(service, func(t *testing.T) {
			importName := "customers-" + service
			c.ApplyText(t, definition(importName))
			before := c.Stats(t)
			name := c.Trigger(t, importName)
			atKill := c.Await(t, name, time.Minute, "rows are read and wait to be loaded", inTheMiddle)
			c.Services[service].Kill()
			t.Logf("killed at extracted %d, mapped %d, loaded %d", atKill.Counts.Extracted, atKill.Counts.Mapped, atKill.Counts.Loaded)
			c.Services[service].Start(t)
			run := c.Close(t, name, 2*time.Minute)
			checkClosed(t, run, n, broken)
			sent := c.Stats(t).Records - before.Records
			if run.Counts.Resent > slots*perUpload || service != "loader" && run.Counts.Resent != 0 {
				t.Errorf("%d records were sent again, the bound is %d for the loader and 0 for others", run.Counts.Resent, slots*perUpload)
			}
			if sent > run.Counts.Loaded+run.Counts.Resent || sent < run.Counts.Loaded {
				t.Errorf("CleverTap took %d records, the run counts %d loaded and %d resent", sent, run.Counts.Loaded, run.Counts.Resent)
			}
		})
	}
}

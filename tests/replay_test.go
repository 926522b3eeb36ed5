package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestAReplayAfterTheMappingIsCorrected: 10,000 rows that a wrong mapping has rejected are
// loaded by a replay, once. Snowflake runs no statement for events and one for each
// thousand people, and a second replay has nothing to take.
func TestAReplayAfterTheMappingIsCorrected(t *testing.T) {
	t.Parallel()
	const rows, rejected = 20_000, 10_000
	path := filepath.Join(t.TempDir(), "customers.csv")
	writeHalfBroken(t, path, rows)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	for name, queries := range map[string]int{"people": rejected / 1000, "purchases": 0} {
		wrong := halfRejected(name)
		c.ApplyText(t, wrong)
		first := c.Close(t, c.Trigger(t, name), 2*time.Minute)
		if first.Counts.MapRejected != rejected || first.Counts.Loaded != rows-rejected {
			t.Fatalf("%s: the run with the wrong mapping: %+v", name, first.Counts)
		}
		right := filepath.Join(t.TempDir(), name+".yaml")
		if err := os.WriteFile(right, []byte(strings.Replace(wrong, "{from: EMAIL, to: amount, type: integer}", "EMAIL -> contact", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		const offer = "10,000 of 10,000 open rejects would map now"
		if planned, _ := c.CLI(t, "plan", "-f", right); !strings.Contains(strings.Join(strings.Fields(planned), " "), offer) {
			t.Errorf("%s: the plan of the correction does not offer a replay: %s", name, planned)
		}
		if _, said, code := c.Tapline(t, "", "apply", "-f", right); code != 0 || !strings.Contains(said, offer) {
			t.Fatalf("%s: the correction ended with %d and does not offer a replay: %s", name, code, said)
		}
		out, code := c.CLI(t, "replay", name, "--plan", "-o", "json")
		var plan struct{ Rejects, WouldMap int64 }
		if err := json.Unmarshal([]byte(out), &plan); err != nil || code != 0 || plan.Rejects != rejected || plan.WouldMap != rejected {
			t.Errorf("%s: the plan: %v, %s", name, err, out)
		}
		before := len(windows(c.Statements(t)))
		if out, code := c.CLI(t, "replay", name, "--wait", "--yes"); code != 0 {
			t.Fatalf("%s: the replay ended with %d: %s", name, code, out)
		}
		run := c.Close(t, schemas.RunID(name, 2), time.Minute)
		want := schemas.Counts{Read: rejected, Extracted: rejected, Mapped: rejected, Loaded: rejected}
		if run.Counts != want || run.Taken != rejected || run.State != schemas.StateSucceeded || run.WatermarkTo != "" {
			t.Errorf("%s: the replay %s: %+v, took %d", name, run.State, run.Counts, run.Taken)
		}
		if got := len(windows(c.Statements(t))) - before; got != queries {
			t.Errorf("%s: the replay ran %d statements, want %d", name, got, queries)
		}
		if _, said, code := c.Tapline(t, "", "replay", name, "--yes"); code == 0 || !strings.Contains(said, "were replayed already") {
			t.Errorf("%s: a second replay was not refused: %s", name, said)
		}
	}
	if stats := c.Stats(t); stats.Profiles < rows {
		t.Errorf("CleverTap holds %d profiles, want %d", stats.Profiles, rows)
	}
}

// TestApplyReplays: tapline apply --replay sends what the corrected mapping makes records of, of
// the imports that it changes, with the definition that it applies.
func TestApplyReplays(t *testing.T) {
	t.Parallel()
	const rows, rejected = 400, 200
	path := filepath.Join(t.TempDir(), "customers.csv")
	writeHalfBroken(t, path, rows)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	wrong := halfRejected("people") + "---\n" + halfRejected("purchases")
	c.ApplyText(t, wrong)
	for _, name := range []string{"people", "purchases"} {
		if r := c.Close(t, c.Trigger(t, name), time.Minute); r.Counts.MapRejected != rejected {
			t.Fatalf("%s: the run with the wrong mapping: %+v", name, r.Counts)
		}
	}
	apply := func(text string) (said string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "set.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, said, code := c.Tapline(t, "", "apply", "-f", file, "--replay", "--yes")
		if code != 0 {
			t.Fatalf("tapline apply --replay: exit code %d\n%s\n%s", code, out, said)
		}
		return said
	}
	// Another mistake: nothing would map, and nothing is replayed.
	other := strings.ReplaceAll(wrong, "to: amount", "to: value")
	if said := apply(other); strings.Count(said, "none would map now: nothing is replayed") != 2 {
		t.Errorf("a correction that is none: %s", said)
	}
	right := strings.Replace(other, "{from: EMAIL, to: value, type: integer}", "EMAIL -> contact", 1) // of people only
	if said := apply(right); !strings.Contains(said, "people.2 replays 200 rejects, of which 200 would map now") || strings.Contains(said, "purchases") {
		t.Errorf("a correction of one import: %s", said)
	}
	want := schemas.Counts{Read: rejected, Extracted: rejected, Mapped: rejected, Loaded: rejected}
	if r := c.Close(t, "people.2", time.Minute); r.Mode != schemas.ModeReplay || r.Counts != want || r.State != schemas.StateSucceeded {
		t.Errorf("the replay %s of people: %s, %+v", r.Mode, r.State, r.Counts)
	}
	if said := apply(right); strings.Contains(said, "replays") {
		t.Errorf("what is applied again is replayed: %s", said)
	}
	if said := apply(strings.Replace(right, "{from: EMAIL, to: value, type: integer}", "EMAIL -> contact", 1)); !strings.Contains(said, "purchases.2 replays 200 rejects") {
		t.Errorf("a correction of events: %s", said)
	}
	if r := c.Close(t, "purchases.2", time.Minute); r.Counts != want {
		t.Errorf("the replay of events: %s, %+v", r.State, r.Counts)
	}
	if n := len(c.Events(t, "Bought")); n != rows {
		t.Errorf("CleverTap holds %d events, want %d", n, rows)
	}
}

// windows are the statements that read rows of an import's query.
func windows(statements []string) (out []string) {
	for _, s := range statements {
		if strings.Contains(s, "AS src WHERE") || strings.Contains(s, "AS src ORDER BY") {
			out = append(out, s)
		}
	}
	return out
}

func writeHalfBroken(t *testing.T, path string, n int) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "CUSTOMER_ID,EMAIL,UPDATED_AT")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		email := fmt.Sprintf("%d", i)
		if i%2 == 1 {
			email = "no number"
		}
		fmt.Fprintf(w, "c%d,%s,%s\n", i, email, start.Add(time.Duration(i)*time.Second).Format("2006-01-02 15:04:05.000000"))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// halfRejected is an import whose mapping rejects every second row.
func halfRejected(name string) string {
	destination := "type: profile"
	if name == "purchases" {
		destination = "type: event, event: {name: Bought, createdOn: {column: UPDATED_AT}}"
	}
	return fmt.Sprintf(`apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: %s}
spec:
  timezone: UTC
  source:
    connectionRef: warehouse
    query: select * from SHOP.PUBLIC.CUSTOMERS
    cursor: {column: UPDATED_AT, lookback: 15m}
  destination: {accountRef: clevertap, %s}
  identity: {column: CUSTOMER_ID}
  mapping:
    - {from: EMAIL, to: amount, type: integer}
  limits: {maxRejectRatio: 0.9}
  topic: {partitions: 6}
`, name, destination)
}

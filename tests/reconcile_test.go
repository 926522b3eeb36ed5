package tests

import (
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

const reconciled = `apiVersion: tapline.dev/v1alpha1
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
    - {from: AMOUNT, to: amount}
  topic: {partitions: 6}
`

// reconcile runs tapline reconcile and returns its run.
func reconcile(t *testing.T, c *harness.Cluster, args ...string) schemas.Run {
	t.Helper()
	out, stderr, code := c.Tapline(t, "", append([]string{"reconcile", "-o", "json"}, args...)...)
	var run schemas.Run
	if err := json.Unmarshal([]byte(out), &run); err != nil || code != 0 || run.Reconciled == nil {
		t.Fatalf("tapline reconcile %v: exit code %d, %v\n%s\n%s", args, code, err, out, stderr)
	}
	return run
}

// amounts starts a cluster with a table of n rows, one a minute from the year's begin, and
// runs an import of it.
func amounts(t *testing.T, n int, destination string) (*harness.Cluster, *harness.Warehouse) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "customers.csv")
	var b strings.Builder
	b.WriteString("CUSTOMER_ID,AMOUNT,UPDATED_AT\n")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		fmt.Fprintf(&b, "c%d,%d,%s\n", i, i, start.Add(time.Duration(i)*10*time.Minute).Format("2006-01-02 15:04:05.000000"))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	c.ApplyText(t, fmt.Sprintf(reconciled, "amounts", destination))
	if _, stderr, code := c.Tapline(t, "", "reconcile", "amounts"); code == 0 || !strings.Contains(stderr, "no watermark") {
		t.Errorf("reconcile before the first run: exit code %d, %s", code, stderr)
	}
	if run := c.Close(t, c.Trigger(t, "amounts"), time.Minute); run.Counts.Loaded != int64(n) {
		t.Fatalf("the first run: %+v", run.Counts)
	}
	first := reconcile(t, c, "amounts")
	if first.Reconciled.Unknown == "" || first.Counts.Read != 0 || first.Mode != schemas.ModeReconcile {
		t.Fatalf("the first reconciliation: %+v, %+v", first.Reconciled, first.Counts)
	}
	return c, c.Warehouse(t)
}

func insert(t *testing.T, w *harness.Warehouse, id string, amount int, at string) {
	t.Helper()
	w.Exec(t, fmt.Sprintf(`insert into SHOP.PUBLIC.CUSTOMERS (CUSTOMER_ID, AMOUNT, UPDATED_AT) values ('%s', %d, '%s')`, id, amount, at))
}

// TestReconcileOfEventsSendsExactlyWhatCame: of a table without updates exactly the
// back-dated rows are found and sent, equal ones as often as they came.
func TestReconcileOfEventsSendsExactlyWhatCame(t *testing.T) {
	t.Parallel()
	const n = 900
	c, w := amounts(t, n, "type: event, event: {name: Paid, createdOn: {column: UPDATED_AT}}")
	planted := 0
	for i := range 20 {
		insert(t, w, fmt.Sprintf("late%d", i), i, fmt.Sprintf("2026-01-0%d 03:0%d:00", 1+i%5, i%10))
		planted++
	}
	insert(t, w, "late0", 0, "2026-01-01 03:00:00") // equal to one that came
	insert(t, w, "c7", 7, "2026-01-01 01:10:00")    // equal to one that was sent
	planted += 2
	insert(t, w, "new", 1, "2026-01-07 09:00:00")
	if run := c.Close(t, c.Trigger(t, "amounts"), time.Minute); run.Counts.Loaded != 1 {
		t.Fatalf("the run after: %+v", run.Counts)
	}
	before := len(c.Statements(t))
	run := reconcile(t, c, "amounts")
	found := run.Reconciled
	if found.Came != int64(planted) || found.Left != 0 || !found.Exact || run.Counts.Loaded != int64(planted) || run.Counts.Read != int64(planted) || len(found.Days) != 5 {
		t.Errorf("found %+v, %+v", found, run.Counts)
	}
	sums := 0
	for _, s := range c.Statements(t)[:max(0, len(c.Statements(t))-before)] {
		if strings.Contains(s, "GROUPING SETS") {
			sums++
		}
	}
	if sums > 1 {
		t.Errorf("the sums took %d statements", sums)
	}
	if again := reconcile(t, c, "amounts"); again.Reconciled.Came != 0 || again.Counts.Read != 0 {
		t.Errorf("a second reconciliation: %+v, %+v", again.Reconciled, again.Counts)
	}
	want := n + planted + 1
	if events := c.Events(t, "Paid"); len(events) != want {
		t.Errorf("CleverTap holds %d events, want %d", len(events), want)
	}
	if run.WatermarkTo != "" {
		t.Errorf("the watermark moved to %s", run.WatermarkTo)
	}
}

// TestReconcileOfProfilesFindsEveryRowThatCame: with updates and deletions every back-dated
// row is found, what left is reported, and no older version follows a newer one.
func TestReconcileOfProfilesFindsEveryRowThatCame(t *testing.T) {
	t.Parallel()
	c, w := amounts(t, 900, "type: profile")
	for i := range 7 {
		insert(t, w, fmt.Sprintf("late%d", i), i, fmt.Sprintf("2026-01-0%d 03:00:00", 1+i%5))
	}
	insert(t, w, "c800", -1, "2026-01-01 05:00:00") // older than c800's own row
	w.Exec(t, `update SHOP.PUBLIC.CUSTOMERS set AMOUNT = AMOUNT + 1000, UPDATED_AT = '2026-01-08 00:00:00' where AMOUNT between 100 and 149`)
	w.Exec(t, `delete from SHOP.PUBLIC.CUSTOMERS where AMOUNT between 200 and 204`)
	if run := c.Close(t, c.Trigger(t, "amounts"), time.Minute); run.Counts.Loaded != 50 {
		t.Fatalf("the run after: %+v", run.Counts)
	}
	run := reconcile(t, c, "amounts")
	if found := run.Reconciled; found.Came != 8 || found.Left != 55 || !found.Exact || run.Counts.Read != 9 {
		t.Errorf("found %+v, %+v", found, run.Counts)
	}
	profiles := c.Profiles(t)
	for i := range 7 {
		if got := profiles[fmt.Sprintf("late%d", i)]["amount"]; got != float64(i) {
			t.Errorf("late%d has amount %v", i, got)
		}
	}
	if got := profiles["c800"]["amount"]; got != float64(800) {
		t.Errorf("an older version followed: c800 has amount %v", got)
	}
	if v, code := verify(t, c, "amounts", "--all"); code != 0 {
		t.Errorf("verify after reconcile: %+v", v.Rows)
	}
	// Another mapping is another expression: nothing is compared, and a baseline is taken.
	c.ApplyText(t, strings.Replace(fmt.Sprintf(reconciled, "amounts", "type: profile"), "to: amount}", "to: amount}\n    - {from: CUSTOMER_ID, to: number}", 1))
	c.Close(t, c.Trigger(t, "amounts"), time.Minute)
	if other := reconcile(t, c, "amounts"); other.Counts.Read != 0 {
		t.Errorf("after another mapping: %+v, %+v", other.Reconciled, other.Counts)
	}
}

// TestReconcileReadsDaysIfTooMuchCame: more differences than can be told apart are read by
// days of profiles, and refused of events.
func TestReconcileReadsDaysIfTooMuchCame(t *testing.T) {
	t.Parallel()
	c, w := amounts(t, 300, "type: profile")
	c.ApplyText(t, fmt.Sprintf(reconciled, "events", "type: event, event: {name: Paid, createdOn: {column: UPDATED_AT}}"))
	c.Close(t, c.Trigger(t, "events"), time.Minute)
	reconcile(t, c, "events")
	w.Exec(t, `insert into SHOP.PUBLIC.CUSTOMERS (CUSTOMER_ID, AMOUNT, UPDATED_AT) select 'late' || n.N, n.N, '2026-01-01 06:30:00' from (select row_number() over (order by a.AMOUNT, b.AMOUNT) as N from SHOP.PUBLIC.CUSTOMERS a, SHOP.PUBLIC.CUSTOMERS b where b.AMOUNT < 60) n`)
	run := reconcile(t, c, "amounts")
	if found := run.Reconciled; found.Exact || found.Came != 18_000 || run.Counts.Loaded < 18_000 || run.Counts.Loaded > 18_150 {
		t.Errorf("found %+v, %+v", found, run.Counts)
	}
	if _, stderr, code := c.Tapline(t, "", "reconcile", "events"); code != 1 || !strings.Contains(stderr, "tapline backfill") {
		t.Errorf("events of whole days: exit code %d, %s", code, stderr)
	}
	if out := reconcile(t, c, "events", "--baseline"); out.Counts.Read != 0 {
		t.Errorf("a new baseline: %+v", out.Counts)
	}
}

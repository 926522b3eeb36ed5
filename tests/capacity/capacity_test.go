package capacity

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

const (
	table = "SHOP.PUBLIC.PEOPLE"
	slots = 15
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemovePrograms()
	os.Exit(code)
}

// onRealServers skips a test if no real server runs.
func onRealServers(t *testing.T) {
	t.Helper()
	if kafkatest.Real() == "" {
		t.Skip("it needs a real Kafka: make test-capacity")
	}
}

// people writes a table of n rows as CSV; row tells the identity and the version of
// each. The rows of an identity come by rising time, in the order of their numbers.
func people(t *testing.T, n int, row func(i int) (identity string, version int)) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "people.csv")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(file, 1<<20)
	fmt.Fprintln(w, "ID,VERSION,UPDATED_AT")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		identity, version := row(i)
		fmt.Fprintf(w, "%s,%d,%s\n", identity, version, start.Add(time.Duration(i)*time.Millisecond).Format("2006-01-02 15:04:05.000000"))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs a cluster with three loaders and an import of the table.
func start(t *testing.T, path string, perUpload int) *harness.Cluster {
	t.Helper()
	c := harness.Start(t, harness.Options{Separate: true, Replicas: map[string]int{"loader": 3}, DevArgs: []string{"--load", table + "=" + path}})
	c.SetAccount(t, map[string]any{"recordsPerUpload": perUpload, "slots": slots})
	c.ApplyText(t, `apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: people}
spec:
  source:
    connectionRef: warehouse
    query: select * from `+table+`
    cursor: {column: UPDATED_AT, lookback: 1m}
  identity: {column: ID}
  destination: {accountRef: clevertap, type: profile}
  mapping:
    - VERSION -> version
  topic: {partitions: 12}
`)
	return c
}

// loaded waits until CleverTap holds a share of n records.
func loaded(t *testing.T, c *harness.Cluster, n, percent int64) {
	t.Helper()
	harness.Eventually(t, 3*time.Minute, fmt.Sprintf("%d%% are loaded", percent), func() bool { return c.Stats(t).Records >= n*percent/100 })
}

// closed waits for the end of a run of which every row must be loaded.
func closed(t *testing.T, c *harness.Cluster, run string, n int64) schemas.Run {
	t.Helper()
	r := c.Close(t, run, 4*time.Minute)
	resent := r.Counts.Resent
	t.Logf("%s is over; %d records were sent twice", run, resent)
	r.Counts.Resent = 0
	if want := (schemas.Counts{Read: n, Extracted: n, Mapped: n, Loaded: n}); r.State != schemas.StateSucceeded || r.Counts != want {
		t.Errorf("%s is %s with counts %+v, want %+v", run, r.State, r.Counts, want)
	}
	r.Counts.Resent = resent
	return r
}

package tests

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

var memoryRows = flag.Int("memory.rows", 0, "rows of the test of the extractor's memory; 0 leaves it out")

// memoryLimit is what a long extraction may take, in MiB.
const memoryLimit = 256

// TestMemoryOfALongExtraction reads many rows in one run.
func TestMemoryOfALongExtraction(t *testing.T) {
	if *memoryRows == 0 {
		t.Skip("-memory.rows is not set")
	}
	c := harness.Start(t, harness.Options{Separate: true})
	// Only the extraction is measured.
	c.Services["mapper"].Kill()
	c.Services["loader"].Kill()
	c.Apply(t, write(t, c, "big.yaml", fmt.Sprintf(`apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: big}
spec:
  source:
    connectionRef: warehouse
    query: |
      select seq8() as ID, 'Customer ' || seq8() as NAME, 'user' || seq8() || '@example.com' as EMAIL,
        mod(seq8(), 90)::number(3,0) as AGE, dateadd(second, seq8(), '2026-01-01'::timestamp_ntz(6)) as UPDATED_AT
      from table(generator(rowcount => %d))
    cursor: {column: UPDATED_AT}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: ID}
  mapping: [NAME -> Name, EMAIL -> Email, AGE -> age]
`, *memoryRows)))
	began := time.Now()
	run := c.Await(t, c.Trigger(t, "big"), time.Hour, "all rows are extracted", func(r schemas.Run) bool {
		return schemas.Terminal(r.State) || r.State == schemas.StateLoading
	})
	if run.Counts.Extracted != int64(*memoryRows) {
		t.Fatalf("the run is %+v", run)
	}
	peak := c.Services["extractor"].PeakMiB(t)
	t.Logf("%d rows in %s, at most %d MiB", *memoryRows, time.Since(began).Round(time.Second), peak)
	if peak >= memoryLimit {
		t.Errorf("the extractor took %d MiB, and may take %d", peak, memoryLimit)
	}
}

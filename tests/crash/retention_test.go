package crash

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestRetentionDeletesUnreadRows: rows that Kafka deleted before the mapper came
// are missing from the counts, so the run fails at its deadline, the watermark
// stays, and the next run reads them again.
func TestRetentionDeletesUnreadRows(t *testing.T) {
	onRealServers(t)
	const rows = 600
	c := harness.Start(t, harness.Options{Separate: true})
	w := c.Warehouse(t)
	s := newSource(t, w, "people", false, rows)
	c.ApplyText(t, strings.Replace(s.definition(), "spec:\n", "spec:\n  limits: {deadline: 20s}\n", 1))
	c.Services["mapper"].Kill()
	run := c.Trigger(t, s.name)
	c.Await(t, run, time.Minute, "everything is read", func(r schemas.Run) bool { return r.Counts.Extracted == rows })

	truncateRows(t, c, s.name)
	c.Services["mapper"].Start(t)
	lost := c.Close(t, run, 2*time.Minute)
	if lost.State != schemas.StateFailed || lost.WatermarkTo != "" || lost.Error == nil {
		t.Errorf("after its rows were deleted the run is %s with the watermark %q: %+v", lost.State, lost.WatermarkTo, lost.Error)
	}
	healed := c.Close(t, c.Trigger(t, s.name), time.Minute)
	if healed.State != schemas.StateSucceededWithRejects || healed.Counts.Extracted != rows {
		t.Errorf("the next run is %s and read %+v", healed.State, healed.Counts)
	}
	_, violations := checkDestination(t, c, []*source{s})
	expectNone(t, violations)
	j := readJournal(t, c)
	expectNone(t, j.moves(j.states[s.name]))
}

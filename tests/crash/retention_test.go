package crash

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
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

	topic := schemas.NewTopics(c.Kafka().Prefix).Rows(s.name)
	reader, err := kafka.OpenReader(c.Kafka(), kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	below := map[kafka.TP]int64{}
	for p := range int32(3) {
		tp := kafka.TP{Topic: topic, Partition: p}
		if below[tp], err = reader.EndOffset(t.Context(), tp); err != nil {
			t.Fatal(err)
		}
	}
	if err := kafka.Truncate(t.Context(), c.Kafka(), kafkatest.Deps(), below); err != nil {
		t.Fatal(err)
	}
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

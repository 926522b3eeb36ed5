package importcenter

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// timelineOf reads the timeline of a run, a line for each span, in seconds since the run
// began.
func timelineOf(t *testing.T, c *center, id string, began time.Time) (spans []string, places []string) {
	t.Helper()
	a := c.do("GET", "/v1/runs/"+id+"/timeline", "")
	var got struct {
		Spans []struct {
			Lane, Text string
			From, To   time.Time
			Count      int64
		}
		Places []struct {
			Topic           string
			Partition       int
			From, To, Count int64
		}
	}
	if err := json.Unmarshal([]byte(a.text), &got); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s (%v)", a.status, a.text, err)
	}
	for _, s := range got.Spans {
		spans = append(spans, strings.TrimSpace(strings.Join([]string{s.Lane, s.From.Sub(began).Round(time.Second).String(), s.To.Sub(began).Round(time.Second).String(), numbers(s.Count), s.Text}, " ")))
	}
	for _, p := range got.Places {
		places = append(places, strings.Join([]string{p.Topic, numbers(int64(p.Partition), p.From, p.To, p.Count)}, " "))
	}
	return spans, places
}

func numbers(n ...int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

// TestRunTimeline: spans come from the run's own reports, those of other runs count for
// nothing, and what follows closely is one span.
func TestRunTimeline(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	const id = "customers.1"
	began := time.Now().UTC()
	finished := began.Add(60 * time.Second)
	c.produceAs(c.topics.Runs(), "customers", schemas.Run{Run: id, Import: "customers", State: schemas.StateSucceeded, StartedAt: began, FinishedAt: &finished})
	report := func(after time.Duration, r schemas.Report) {
		r.Import, r.Attempt, r.Time = "customers", 1, began.Add(after*time.Second)
		if r.Run == "" {
			r.Run = id
		}
		c.produceAs(c.topics.Reports(), "customers", r)
	}
	report(4, schemas.Report{Kind: schemas.ReportHeartbeat, Statement: &schemas.Statement{Since: began, Queued: true}})
	report(10, schemas.Report{Kind: schemas.ReportStarted, Started: &schemas.Started{}, Snowflake: &schemas.SnowflakeUse{QueueSeconds: 5, ExecutionSeconds: 3}})
	report(12, schemas.Report{Kind: schemas.ReportChunk, Chunk: &schemas.Extraction{Read: 100}})
	report(12, schemas.Report{Kind: schemas.ReportChunk, Run: "customers.2", Chunk: &schemas.Extraction{Read: 1000}})
	report(13, schemas.Report{Kind: schemas.ReportFinal, Final: &schemas.Final{Extraction: schemas.Extraction{Read: 150}}})
	report(15, schemas.Report{Kind: schemas.ReportMapped, Mapped: &schemas.Mapped{Partition: 2, From: 40, To: 99, Mapped: 50, RejectsByCode: map[string]int64{"x": 3}, Skipped: map[string]int64{"y": 2}}})
	report(16, schemas.Report{Kind: schemas.ReportMapped, Mapped: &schemas.Mapped{Partition: 2, From: 100, To: 130, Mapped: 30}})
	wait := schemas.Waiting{Account: "clevertap", Since: began.Add(16 * time.Second), Reason: "HTTP 429"}
	report(17, schemas.Report{Kind: schemas.ReportWaiting, Waiting: &wait})
	report(18, schemas.Report{Kind: schemas.ReportWaiting, Waiting: &wait})
	over := wait
	over.Over = true
	report(20, schemas.Report{Kind: schemas.ReportWaiting, Waiting: &over})
	report(21, schemas.Report{Kind: schemas.ReportIntent, Intent: &schemas.Intent{Upload: "u1"}})
	report(23, schemas.Report{Kind: schemas.ReportReceipt, Receipt: &schemas.Receipt{Upload: "u1", Partition: 1, Records: 80, Ranges: []schemas.Range{{From: 5, To: 60}, {From: 70, To: 90}}}})
	report(30, schemas.Report{Kind: schemas.ReportIntent, Intent: &schemas.Intent{Upload: "u2"}})
	report(31, schemas.Report{Kind: schemas.ReportReceipt, Receipt: &schemas.Receipt{Upload: "u2", Partition: 1, Records: 4, Resent: 4, Ranges: []schemas.Range{{From: 91, To: 94}}}})

	spans, places := timelineOf(t, c, id, began)
	want := []string{
		"queue 2s 7s [0]", "execute 7s 10s [0]", "chunks 10s 13s [150]", "map 15s 15s [55]", "map 16s 16s [30]",
		"wait 16s 20s [0] clevertap: HTTP 429", "upload 21s 23s [80]", "retry 30s 31s [4]",
	}
	if diff := cmp.Diff(want, spans); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"tapline.records.customers.v1 [1,5,94,84]", "tapline.rows.customers.v1 [2,40,130,85]"}, places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if a := c.do("GET", "/v1/runs/customers.9/timeline", ""); a.status != http.StatusNotFound {
		t.Errorf("a run that is not there: %d %s", a.status, a.text)
	}
}

// TestRunTimelineOfStates: a run that waits in a queue or for a person, and a statement that
// Snowflake has not answered, are spans that go on until now; of many requests few spans
// are left.
func TestRunTimelineOfStates(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	const id = "customers.1"
	began := time.Now().UTC().Add(-time.Minute)
	for _, state := range []string{schemas.StateQueued, schemas.StateStarting, schemas.StateHeld} {
		run := schemas.Run{Run: id, Import: "customers", State: state, StartedAt: began}
		if state == schemas.StateHeld {
			run.HeldBecause = &schemas.Hold{Code: schemas.HoldTooManyRows, Reason: "12 times as many rows"}
		}
		c.produceAs(c.topics.Runs(), "customers", run)
	}
	for n := range 1000 {
		at, upload := began.Add(time.Duration(n)*50*time.Millisecond), numbers(int64(n))
		c.produceAs(c.topics.Reports(), "customers", schemas.Report{Kind: schemas.ReportIntent, Import: "customers", Run: id, Attempt: 1, Time: at, Intent: &schemas.Intent{Upload: upload}})
		c.produceAs(c.topics.Reports(), "customers", schemas.Report{Kind: schemas.ReportReceipt, Import: "customers", Run: id, Attempt: 1, Time: at.Add(time.Millisecond), Receipt: &schemas.Receipt{Upload: upload, Records: 10}})
	}
	c.produceAs(c.topics.Reports(), "customers", schemas.Report{Kind: schemas.ReportHeartbeat, Import: "customers", Run: id, Attempt: 2, Time: time.Now(), Statement: &schemas.Statement{Since: time.Now().Add(-5 * time.Second), QueueSeconds: 2}})

	spans, _ := timelineOf(t, c, id, began)
	count := func(lane string) int {
		return len(slices.Collect(func(yield func(string) bool) {
			for _, s := range spans {
				if strings.HasPrefix(s, lane+" ") && !yield(s) {
					return
				}
			}
		}))
	}
	if count("queued") != 1 || count("held") != 1 || count("execute") != 1 {
		t.Errorf("spans: %q", spans)
	}
	if n := count("upload"); n < 1 || n > 200 {
		t.Errorf("%d spans of uploads", n)
	}
	if !slices.ContainsFunc(spans, func(s string) bool { return strings.HasSuffix(s, "12 times as many rows") }) {
		t.Errorf("no span says why it is held: %q", spans)
	}
}

package importcenter

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestRunLog(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	const id = "customers.1"
	began := time.Now().UTC()
	run := schemas.Run{Run: id, Import: "customers", State: schemas.StateExtracting, Attempt: 1, StartedAt: began}
	event := func(change func(*schemas.Run)) {
		change(&run)
		c.produceAs(c.topics.Runs(), "customers", run)
	}
	abandoned := func(run string) {
		c.produceAs(c.topics.Reports(), "customers", schemas.Report{
			Kind: schemas.ReportAbandoned, Import: "customers", Run: run, Attempt: 1, Time: began.Add(-time.Second),
			Abandoned: &schemas.Abandoned{Code: "result_lost", Reason: "Snowflake no longer has the result"},
		})
	}
	event(func(*schemas.Run) {})
	event(func(r *schemas.Run) { r.QueryID, r.Total = "01b", 7 })
	c.produceAs(c.topics.Runs(), "customers", schemas.Run{Run: "customers.2", Import: "customers", State: schemas.StateQueued, StartedAt: began})
	abandoned(id)
	abandoned("customers.2")
	event(func(r *schemas.Run) { r.Attempt = 2 })
	event(func(r *schemas.Run) { r.Waiting = &schemas.Waiting{Account: "clevertap", Reason: "HTTP 401"} })
	event(func(r *schemas.Run) { r.Counts.Read = 5 }) // nothing that a log tells
	c.produceAs(c.topics.Commands(), "customers", schemas.Command{Import: "customers", Run: id, Kind: schemas.CommandCancel, Actor: "jo", Time: began.Add(time.Hour)})
	event(func(r *schemas.Run) { r.Waiting, r.Notes = nil, []string{"a column vanished"} })
	event(func(r *schemas.Run) {
		r.State, r.Error = schemas.StateFailed, &schemas.RunError{Code: "column_missing", Reason: "the query has no column X"}
	})

	a := c.do("GET", "/v1/runs/"+id+"/log", "")
	var got struct {
		State string
		Items []struct{ Kind, Text string }
	}
	if err := json.Unmarshal([]byte(a.text), &got); err != nil || a.status != http.StatusOK || got.State != schemas.StateFailed {
		t.Fatalf("%d %s (%v)", a.status, a.text, err)
	}
	var lines []string
	for _, e := range got.Items {
		lines = append(lines, e.Kind+" "+e.Text)
	}
	want := []string{
		"retry attempt 1 was given up: result_lost: Snowflake no longer has the result",
		"state extracting", "attempt Snowflake's query 01b gives 7 rows",
		"attempt attempt 2 begins", "wait waits for clevertap: HTTP 401", "wait it waits no longer", "note a column vanished",
		"state failed: 5 rows read, 0 unchanged, 0 loaded, 0 rejected, 0 skipped", "error column_missing: the query has no column X",
		"command cancel by jo",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a := c.do("GET", "/v1/runs/customers.9/log", ""); a.status != http.StatusNotFound {
		t.Errorf("a run that is not there: %d %s", a.status, a.text)
	}
}

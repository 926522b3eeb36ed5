package importcenter

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/projection"
	"tapline.dev/schemas"
)

// TestCost: a run, the figures of an import and a plan say what is taken at Snowflake: of a
// run, for 1,000 loaded, and a day at the schedules.
func TestCost(t *testing.T) {
	t.Parallel()
	c := start(t)
	hourly := strings.Replace(customers, `"topic"`, `"schedules":[{"every":"1h"}],"topic"`, 1)
	c.apply(connection, account, hourly)
	w := projection.NewWriter(c.client)
	for n := 1; n <= 12; n++ {
		run := schemas.Run{
			Run: schemas.RunID("customers", n), Import: "customers", State: schemas.StateSucceeded, Mode: schemas.ModeIncremental,
			Counts: schemas.Counts{Read: 500, Loaded: 500}, StartedAt: time.Now().UTC().Add(time.Duration(n-20) * time.Minute),
			Snowflake: &schemas.SnowflakeUse{ExecutionSeconds: 2, QueueSeconds: 0.5},
		}
		if n <= 2 {
			run.Snowflake.ExecutionSeconds = 1000 // too old to count
		}
		if n == 12 {
			run.Snowflake = nil // it asked nothing
		}
		if err := w.PutRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	var stats struct {
		Cost    map[string]float64
		Periods []struct{ Equation string }
	}
	if err := json.Unmarshal([]byte(c.do("GET", "/v1/imports/customers/stats", "").text), &stats); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"runs": 9, "executionSeconds": 2, "queueSeconds": 0.5, "secondsPer1000": 4, "secondsPerDay": 48} {
		if got := stats.Cost[name]; math.Abs(got-want) > 0.001 {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	if len(stats.Periods) != 3 || stats.Periods[0].Equation != "6,000 read = 6,000 loaded + 0 unchanged + 0 rejected + 0 skipped + 0 future" {
		t.Errorf("periods = %+v", stats.Periods)
	}
	run := c.do("GET", "/v1/runs/customers.11", "")
	if use, ok := run.body["snowflake"].(map[string]any); !ok || math.Abs(use["secondsPerDay"].(float64)-48) > 0.001 {
		t.Errorf("a run = %s", run.text)
	}
	text := c.plan(set(strings.Replace(hourly, `"1h"`, `"30m"`, 1))).texts("customers")
	want := "Snowflake: 2 s of execution and 0.5 s in the queue a run, on average of the last 9, 4 s for 1,000 loaded; 96 s a day at its schedules, 48 s before"
	if !strings.Contains(text, want) {
		t.Errorf("a plan says\n%s\nand not\n%s", text, want)
	}
	c.redis.SetError("LOADING")
	if text := c.plan(set(strings.Replace(hourly, `"1h"`, `"30m"`, 1))).texts("customers"); strings.Contains(text, "Snowflake:") || text == "" {
		t.Errorf("without Redis a plan says\n%s", text)
	}
}

// TestDraftSaysWhatItLacks: where it is applied, read, listed and followed.
func TestDraftSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	c := start(t)
	draft := `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"half"},
		"spec":{"draft":true,"source":{"connectionRef":"nowhere","query":"select 1 as a"},"destination":{"accountRef":"clevertap","type":"profile"},"mapping":["A -> Name"]}}`
	c.apply(connection, account, customers, draft)
	lacks := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	read := c.do("GET", "/v1/imports/half", "")
	for _, want := range []string{"spec.identity", "nowhere"} {
		if !strings.Contains(lacks(read.body["missing"]), want) {
			t.Errorf("read, it lacks %s, without %s", lacks(read.body["missing"]), want)
		}
	}
	for _, item := range c.do("GET", "/v1/imports", "").body["items"].([]any) {
		row := item.(map[string]any)
		if missing := lacks(row["missing"]); row["import"] == "half" && missing != lacks(read.body["missing"]) || row["import"] == "customers" && missing != "null" {
			t.Errorf("listed, %v lacks %s", row["import"], missing)
		}
	}
	if a := c.do("GET", "/v1/imports/customers", ""); a.status != http.StatusOK || a.body["missing"] != nil {
		t.Errorf("an import that is no draft = %s", a.text)
	}
	// What it lacked comes, and it says so no more.
	c.apply(strings.Replace(connection, `"warehouse"`, `"nowhere"`, 1))
	if missing := lacks(c.do("GET", "/v1/imports/half", "").body["missing"]); strings.Contains(missing, "nowhere") || !strings.Contains(missing, "identity") {
		t.Errorf("then it lacks %s", missing)
	}
}

// TestPlanOfAFirstRun: a plan says where the first run begins, and of events how many it
// sends.
func TestPlanOfAFirstRun(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	initial := func(document string) string {
		return strings.Replace(document, `"cursor":{"column":"UPDATED_AT"`, `"cursor":{"column":"UPDATED_AT","initial":"2026-11-01T00:00:00Z"`, 1)
	}
	events := strings.Replace(strings.Replace(customers, `"type":"profile"`, `"type":"event","event":{"name":"Bought"}`, 1), "EMAIL -> Email", "AMOUNT -> Amount", 1)
	for name, tt := range map[string]struct{ document, says, not string }{
		"everything":        {customers, "its first run reads everything", "cursor.initial"},
		"from an instant":   {initial(customers), "its first run reads the rows whose cursor is at or after 2026-11-01T00:00:00Z", "everything"},
		"all past events":   {events, "its first run sends every past event that the query gives: how many that are is unknown: no dry run yet", "at or after"},
		"events from there": {initial(events), "its first run sends the events whose cursor is at or after 2026-11-01T00:00:00Z", "every past event"},
	} {
		if text := c.plan(set(tt.document)).texts("customers"); !strings.Contains(text, tt.says) || strings.Contains(text, tt.not) {
			t.Errorf("%s: a plan says\n%s", name, text)
		}
	}
}

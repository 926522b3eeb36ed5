package importcenter

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/domain/projection"
	"tapline.dev/schemas"
)

// imports applies imports that differ in what the listing can be filtered by.
func (c *center) imports(t *testing.T) {
	t.Helper()
	docs := []string{connection, account}
	for _, d := range []struct{ name, metadata, spec string }{
		{"alpha", `"owner":"growth","labels":{"team":"crm"},"displayName":"First"`, `"schedules":[{"every":"1h"}]`},
		{"beta", `"owner":"shop"`, `"schedules":[{"cron":"0 9 * * *"}]`},
		{"gamma", `"displayName":"Third"`, `"timezone":"UTC"`},
	} {
		doc := strings.Replace(customers, `"name":"customers"`, `"name":"`+d.name+`",`+d.metadata, 1)
		docs = append(docs, strings.Replace(doc, `"spec":{"source"`, `"spec":{`+d.spec+`,"source"`, 1))
	}
	if a := c.apply(docs...); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
}

func names(a answer) string {
	var out []string
	items, _ := a.body["items"].([]any)
	for _, item := range items {
		out = append(out, fmt.Sprint(item.(map[string]any)["import"]))
	}
	return strings.Join(out, " ")
}

func TestListingFiltersAndSorts(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.imports(t)
	w := projection.NewWriter(c.client)
	full, began := 0.99995, time.Now().Add(-time.Minute).UTC()
	if err := w.PutListing(t.Context(), schemas.Listing{
		Import: "beta", Status: listing.Running, LastRun: "beta.1", LastRunState: schemas.StateLoading, LastRunAt: &began, Health: &full, Watermark: schemas.FormatInstant(began.Add(-2 * time.Hour)), LastSuccess: "beta.0", LastSuccessAt: &began, LastRunRead: 5,
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.PutRun(t.Context(), schemas.Run{Run: "beta.1", Import: "beta", State: schemas.StateLoading, Total: 10, StartedAt: began, Counts: schemas.Counts{Read: 10, Extracted: 10, Mapped: 10, Loaded: 4}}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                                 "alpha beta gamma",
		"?sort=-name":                      "gamma beta alpha",
		"?sort=owner":                      "alpha beta gamma",
		"?sort=-owner":                     "beta alpha gamma", // gamma has none and stays last
		"?sort=health":                     "beta alpha gamma",
		"?status=Running":                  "beta",
		"?status=Ready,Running":            "beta gamma",
		"?frequency=repeatIntervals":       "alpha",
		"?frequency=customSchedule,manual": "beta gamma",
		"?owner=growth":                    "alpha",
		"?label=team%3Dcrm":                "alpha",
		"?label=team%3Dshop":               "",
		"?q=THIRD":                         "gamma",
		"?q=warehouse":                     "alpha beta gamma",
		"?condition=yellow":                "beta",
		"?condition=neverRun":              "alpha gamma",
		"?datasource=warehouse&owner=shop": "beta",
		"?createdBy=maya":                  "alpha beta gamma",
		"?createdBy=ana":                   "",
		"?createdAfter=2020-01-01T00:00:00Z&updatedBefore=2020-01-02T00:00:00Z": "",
		"?lastRunAfter=2020-01-01T00:00:00Z":                                    "beta",
		"?type=event":                                                           "",
		"?nickname=THIRD":                                                       "gamma",
		"?health=yellow":                                                        "beta",
		"?health=green,red":                                                     "",
		"?freshnessOver=3600":                                                   "beta",
		"?freshnessOver=36000":                                                  "",
		"?partner=Snowflake":                                                    "alpha beta gamma",
	} {
		if a := c.do("GET", "/v1/imports"+query, ""); a.status != http.StatusOK || names(a) != want {
			t.Errorf("%s = %d %q, want %q", query, a.status, names(a), want)
		}
	}
	for _, bad := range []string{"?sort=colour", "?status=Odd", "?createdAfter=yesterday", "?health=blue", "?freshnessOver=0", "?freshnessOver=old", "?page=2", "?pageToken=abc"} {
		if a := c.do("GET", "/v1/imports"+bad, ""); a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest {
			t.Errorf("%s = %d %s", bad, a.status, a.text)
		}
	}
	if a := c.do("GET", "/v1/imports?createdAfter=yesterday", ""); !strings.Contains(a.text, "is an instant such as") || strings.Contains(a.text, "2006-01-02T15") {
		t.Errorf("a day that is none: %s", a.text)
	}
	row := c.do("GET", "/v1/imports?q=beta&recent=3", "").body["items"].([]any)[0].(map[string]any)
	for key, want := range map[string]any{
		"partner": "Snowflake", "datasource": "warehouse", "account": "clevertap", "createdBy": "maya", "updatedBy": "maya", "progress": 0.4, "condition": "yellow",
	} {
		if row[key] != want {
			t.Errorf("%s = %v, want %v", key, row[key], want)
		}
	}
	if recent, _ := row["recent"].([]any); len(recent) != 1 {
		t.Errorf("recent = %v", row["recent"])
	}
}

// TestListingPagesWhileRowsChange: what stays is seen exactly once, whatever comes and
// goes between two pages.
func TestListingPagesWhileRowsChange(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.imports(t)
	first := c.do("GET", "/v1/imports?pageSize=2", "")
	if names(first) != "alpha beta" || first.body["total"] != 3.0 {
		t.Fatalf("first page %s", first.text)
	}
	token := fmt.Sprint(first.body["nextPageToken"])
	if a := c.do("DELETE", "/v1/imports/alpha?topics=keep", "", "If-Match", "*"); a.status != http.StatusOK {
		t.Fatalf("delete = %d %s", a.status, a.text)
	}
	c.apply(connection, account, strings.Replace(customers, `"name":"customers"`, `"name":"aaa"`, 1))
	if a := c.do("GET", "/v1/imports?pageSize=2&pageToken="+token, ""); names(a) != "gamma" || a.body["nextPageToken"] != "" {
		t.Errorf("second page %s", a.text)
	}
	if a := c.do("GET", "/v1/imports?pageSize=2&sort=-name&pageToken="+token, ""); a.status != http.StatusBadRequest {
		t.Errorf("a token of another order = %d", a.status)
	}
}

// TestListingWithoutRedis: the log answers, and the answer says so.
func TestListingWithoutRedis(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	share := 0.25
	c.produce(c.topics.State(), schemas.State{Import: "customers", LastNumber: 1, LastEnded: &schemas.EndedRun{Run: "customers.1", State: schemas.StateFailed, Share: &share, Read: 4}})
	c.produce(c.topics.Runs(), schemas.Run{Run: "customers.1", Import: "customers", State: schemas.StateLoading, Mode: schemas.ModeFull},
		schemas.Run{Run: "customers.1", Import: "customers", State: schemas.StateFailed, Mode: schemas.ModeFull, StartedAt: time.Now().UTC(), Counts: schemas.Counts{Read: 4, ExtractRejected: 3, Extracted: 1, Mapped: 1, Loaded: 1}})
	c.redis.SetError("LOADING")
	eventually(t, func() bool {
		a := c.do("GET", "/v1/imports?condition=red", "")
		return a.status == http.StatusOK && a.header.Get("Tapline-Source") == "log" && names(a) == "customers"
	})
	a := c.do("GET", "/v1/runs?import=customers&state=failed&mode=full", "")
	if a.header.Get("Tapline-Source") != "log" || runIDs(a) != "customers.1" {
		t.Errorf("runs without Redis = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/runs?import=customers&state=loading", ""); runIDs(a) != "" {
		t.Errorf("an old event of the run counts: %s", a.text)
	}
	s := c.do("GET", "/v1/imports/customers/stats", "")
	if s.status != http.StatusOK || s.header.Get("Tapline-Source") != "log" || !strings.Contains(s.text, `"rejected":3`) {
		t.Errorf("stats without Redis = %d %s", s.status, s.text)
	}
	c.redis.SetError("")
	if a := c.do("GET", "/v1/imports", ""); a.header.Get("Tapline-Source") != "" {
		t.Errorf("with Redis again the source is %q", a.header.Get("Tapline-Source"))
	}
}

// TestRunFigures: the whole equation in one line, and each stage's.
func TestRunFigures(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	w := projection.NewWriter(c.client)
	began := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for n := 1; n <= 3; n++ {
		end := began.Add(time.Duration(n) * 10 * time.Second)
		r := schemas.Run{
			Run: schemas.RunID("customers", n), Import: "customers", State: schemas.StateSucceededWithRejects, Mode: schemas.ModeFull, Cause: schemas.CauseCommand, Actor: "key:ci",
			StartedAt: began, FinishedAt: &end, Total: 1000,
			Counts: schemas.Counts{Read: 1000, Unchanged: 200, Future: 10, Extracted: 780, ExtractRejected: 10, Mapped: 770, MapRejected: 10, Loaded: 760, LoadSkipped: 10},
		}
		if n == 3 {
			r.State, r.Cause, r.Actor = schemas.StateFailed, schemas.CauseSchedule, ""
			r.Error = &schemas.RunError{Code: "snowflake_query"}
		}
		r.StartedAt = time.Now().Add(-time.Hour * time.Duration(n)).UTC()
		end = r.StartedAt.Add(time.Duration(n) * 10 * time.Second)
		r.WatermarkFrom = r.StartedAt.Add(-time.Hour).Format("2006-01-02T15:04:05.000000000")
		if err := w.PutRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	f := c.do("GET", "/v1/runs/customers.1", "").body["figures"].(map[string]any)
	want := "1,000 read = 760 loaded + 200 unchanged + 20 rejected + 10 skipped + 10 future"
	if f["equation"] != want || f["balanced"] != true || f["seconds"] != 10.0 || f["rowsPerSecond"] != 100.0 || f["moving"] != false {
		t.Errorf("figures %v, want %q", f, want)
	}
	if stages := f["stages"].([]any); len(stages) != 3 || stages[2].(map[string]any)["equation"] != "770 mapped = 760 loaded + 0 rejected + 10 skipped" {
		t.Errorf("stages %v", f["stages"])
	}
	for query, want := range map[string]string{
		"cause=schedule": "customers.3", "actor=key:ci": "customers.2 customers.1", "code=snowflake_query": "customers.3", "mode=incremental": "",
		"state=failed,succeededWithRejects&pageSize=2": "customers.3 customers.2", "startedAfter=2099-01-01T00:00:00Z": "",
	} {
		if a := c.do("GET", "/v1/runs?import=customers&"+query, ""); runIDs(a) != want {
			t.Errorf("%s = %s, want %s", query, runIDs(a), want)
		}
	}
	s := c.do("GET", "/v1/imports/customers/stats", "").body
	week := s["periods"].([]any)[0].(map[string]any)
	duration := week["duration"].(map[string]any)
	if week["days"] != 7.0 || week["runs"] != 3.0 || week["rejectRatio"] != 0.02 || duration["p50"] != 10.0 || duration["p95"] != 20.0 {
		t.Errorf("week %v", week)
	}
	// What charts show: the newest runs one by one, and days whose sums are the period's.
	runs := s["runs"].([]any)
	first, last := runs[0].(map[string]any), runs[2].(map[string]any)
	if _, failed := last["freshnessSeconds"]; len(runs) != 3 || last["run"] != "customers.3" || failed {
		t.Errorf("runs %v, want the newest last and no freshness of one that failed", runs)
	}
	if first["seconds"] != 10.0 || first["freshnessSeconds"] != 3610.0 || first["health"] != 0.97 || first["volumes"].(map[string]any)["unchanged"] != 200.0 {
		t.Errorf("first %v", first)
	}
	count, worst := 0.0, 0.0
	for _, d := range s["days"].([]any) {
		day := d.(map[string]any)
		count += day["runs"].(float64)
		if f, ok := day["freshnessSeconds"].(float64); ok {
			worst = max(worst, f)
		}
		if day["health"] != 0.97 {
			t.Errorf("day %v", day)
		}
	}
	if count != 3 || worst != 3620 {
		t.Errorf("the days have %v runs and %v s as their worst freshness: %v", count, worst, s["days"])
	}
	if a := c.do("GET", "/v1/imports/nobody/stats", ""); a.status != http.StatusNotFound {
		t.Errorf("stats of nothing = %d", a.status)
	}
}

// TestListingOfManyImports: 2,000 imports are listed fast enough to be looked at.
func TestListingOfManyImports(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	const many = 2000
	w := projection.NewWriter(c.client)
	var definitions []any
	for n := range many {
		name := fmt.Sprintf("import-%04d", n)
		d := schemas.Definition{APIVersion: schemas.APIVersion, Kind: schemas.KindImport, Metadata: schemas.Metadata{Name: name}, Generation: 1, AppliedAt: time.Now().Add(-time.Hour)}
		d.Spec.Schedules = []schemas.Schedule{{Cron: "*/20 * * * *"}}
		definitions = append(definitions, d)
		if err := w.PutListing(t.Context(), schemas.Listing{Import: name, Status: listing.Scheduled}); err != nil {
			t.Fatal(err)
		}
	}
	c.produceNamed(c.topics.Imports(), definitions)
	eventually(t, func() bool { return c.do("GET", "/v1/imports?pageSize=1", "").body["total"] == float64(many) })
	best := time.Hour
	for range 5 {
		began := time.Now()
		if a := c.do("GET", "/v1/imports?pageSize=50&sort=-health&status=Scheduled", ""); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.text)
		}
		best = min(best, time.Since(began))
	}
	t.Logf("a page of %d imports took %s", many, best)
	if best > 2*time.Second {
		t.Errorf("a page of %d imports took %s", many, best)
	}
}

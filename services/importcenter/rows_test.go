package importcenter

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

func TestRowsAreAskedForByRun(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	c.produceAs(c.topics.Runs(), "customers", schemas.Run{
		Run: "customers.1", Import: "customers", State: schemas.StateSucceeded, Attempt: 1, StartedAt: time.Now().UTC(), Counts: schemas.Counts{Unchanged: 3, Future: 2},
	})
	for id, code := range map[string]string{"1.1.1": "email_invalid", "1.1.2": "phone_invalid"} {
		c.produce(c.topics.Rejects(), schemas.Reject{
			Stage: schemas.StageMap, Code: code, Import: "customers", Run: "customers.1", Attempt: 1, ID: id, Row: []byte(`{"ID":"ada","EMAIL":"<x>"}`),
		})
	}
	a := c.do("GET", "/v1/runs/customers.1/rows?pageSize=1", "")
	items, _ := a.body["items"].([]any)
	token, _ := a.body["nextPageToken"].(string)
	if a.status != http.StatusOK || len(items) != 1 || token == "" || !strings.Contains(a.text, `"unlisted":{"unchanged":3,"future":2,"stillRejected":0,"suppressed":0}`) {
		t.Fatalf("the first page is %d %s", a.status, a.text)
	}
	a = c.do("GET", "/v1/runs/customers.1/rows?pageSize=5&pageToken="+token, "")
	if items, _ := a.body["items"].([]any); len(items) != 1 || a.body["nextPageToken"] != "" {
		t.Errorf("the last page is %d %s", a.status, a.text)
	}
	a = c.do("GET", "/v1/runs/customers.1/rows", "", "Accept", "application/x-ndjson")
	if n := bytes.Count([]byte(a.text), []byte("\n")); n != 2 {
		t.Errorf("NDJSON is %s", a.text)
	}
	if log := strings.Join(c.log(c.topics.Audit(), 0), "\n"); strings.Count(log, `"kind":"rows"`) != 3 {
		t.Errorf("the audit does not hold the three looks: %s", log)
	}
	c.exportedRows(t)
	for path, want := range map[string]int{
		"/v1/runs/customers.1/rows/export?format=parquet&bom=true": http.StatusBadRequest,
		"/v1/runs/customers.1/rows/records-9-9":                    http.StatusNotFound,
		"/v1/runs/customers.9/rows/export":                         http.StatusNotFound,
		"/v1/runs/customers.9/rows":                                http.StatusNotFound,
		"/v1/runs/customers/rows":                                  http.StatusNotFound,
		"/v1/runs/customers.d1/rows":                               http.StatusBadRequest,
		"/v1/runs/customers.1/rows?pageToken=x":                    http.StatusBadRequest,
		"/v1/runs/customers.1/rows?result=unknown":                 http.StatusUnprocessableEntity,
	} {
		if a := c.do("GET", path, ""); a.status != want {
			t.Errorf("%s = %d %s, want %d", path, a.status, a.text, want)
		}
	}
}

// exportedRows: files, one of which a reader leaves in the middle, and a row that is opened.
func (c *center) exportedRows(t *testing.T) {
	t.Helper()
	a := c.do("GET", "/v1/runs/customers.1/rows/export?format=csv&result=rejected", "")
	if lines := strings.Split(strings.TrimSpace(a.text), "\r\n"); a.status != http.StatusOK || len(lines) != 3 || !strings.Contains(a.text, "email_invalid") {
		t.Errorf("the CSV file is %d %s", a.status, a.text)
	}
	if note := a.header.Get("Tapline-Note"); !strings.Contains(note, "cleverTapId is empty") {
		t.Errorf("the file does not say what it lacks: %q", note)
	}
	page := c.do("GET", "/v1/runs/customers.1/rows?pageSize=1", "")
	items, _ := page.body["items"].([]any)
	row, _ := items[0].(map[string]any)
	ref, _ := row["ref"].(string)
	if a := c.do("GET", "/v1/runs/customers.1/rows/"+ref, ""); a.status != http.StatusOK || !strings.Contains(a.text, `"cleverTapIds":[]`) {
		t.Errorf("the row %s is %d %s", ref, a.status, a.text)
	}
}

// TestWhyKeepsTheIdentityToItself: whoever asks gets the person's rows; a log, the audit
// and a refusal hold nothing of the identity.
func TestWhyKeepsTheIdentityToItself(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	const identity = "canary-4711"
	ask := func(importName, identity string) answer {
		body, err := json.Marshal(map[string]string{"identity": identity})
		if err != nil {
			t.Fatal(err)
		}
		return c.do("POST", "/v1/imports/"+importName+"/why", string(body))
	}
	if a := ask("customers", identity); a.status != http.StatusOK || !strings.Contains(a.text, `"rows":[]`) {
		t.Fatalf("before a run: %d %s", a.status, a.text)
	}
	c.produce(c.topics.Rejects(), schemas.Reject{
		Stage: schemas.StageExtract, Code: "value_unreadable", Reason: "not UTF-8", Import: "customers", Run: "customers.1", Attempt: 1, ID: "1.1.1",
		Row: []byte(`{"CUSTOMER_ID":"` + identity + `"}`),
	})
	a := ask("customers", identity)
	if a.status != http.StatusOK || !strings.Contains(a.text, `"code":"value_unreadable"`) {
		t.Errorf("the answer is %d %s", a.status, a.text)
	}
	for _, refused := range []answer{ask("custmers", identity), ask("customers", strings.Repeat(identity, 200)), ask("customers", "")} {
		if refused.status < 400 || strings.Contains(refused.text, identity) {
			t.Errorf("a refusal is %d %s", refused.status, refused.text)
		}
	}
	if a := ask("customers", identity+"x"); strings.Contains(a.text, identity) {
		t.Errorf("another person gets %s", a.text)
	}
	if logs := c.logs.String(); strings.Contains(logs, identity) {
		t.Errorf("the log holds the identity: %s", logs)
	}
	audit := strings.Join(c.log(c.topics.Audit(), 0), "\n")
	if strings.Contains(audit, identity) || strings.Count(audit, `"kind":"why"`) < 3 {
		t.Errorf("the audit is %s", audit)
	}
}

// TestWhyAsksSnowflake: the command names a list of people, which alone holds the identity;
// the statement does not look at blanks, the answer does.
func TestWhyAsksSnowflake(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.PreviewTimeout = 10 * time.Second })
	o := &oracle{answers: map[string]schemas.Report{}}
	o.listen(t, c)
	if got := c.do("POST", "/v1/apply?offline=true", `{"documents":[`+connection+","+account+","+customers+`]}`); got.status != http.StatusOK {
		t.Fatalf("apply = %d %s", got.status, got.text)
	}
	ask := func() string {
		t.Helper()
		a := c.do("POST", "/v1/imports/customers/why", `{"identity":"2","snowflake":true}`)
		if a.status != http.StatusOK {
			t.Fatalf("why = %d %s", a.status, a.text)
		}
		return a.text
	}
	answer := fits()
	answer.Preview.Person = &schemas.PersonRows{Clock: "2026-11-30T10:00:00.000000000", Cursors: []string{"", ""}, Instants: []string{"", ""}, More: true}
	o.mu.Lock()
	o.rows = 2
	o.answers["customers"] = answer
	o.mu.Unlock()
	text := ask()
	for _, want := range []string{`"outcome":"read"`, `"queryId":"01b"`, `"row":{"CUSTOMER_ID":"2","EMAIL":"x"}`, `"more":true`, `"note":"no run has taken it yet; the next one reads it"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if strings.Contains(text, "a<b") {
		t.Errorf("another person's row is shown: %s", text)
	}
	asked := o.commands()
	if last := asked[len(asked)-1]; last.People == "" || last.Rows != 0 {
		t.Errorf("asked %+v", last)
	}
	for _, r := range c.log(c.topics.Commands(), schemas.ControlPartition("customers")) {
		if strings.Contains(r, `"identities"`) {
			t.Errorf("a command holds an identity: %s", r)
		}
	}
	for want, report := range map[string]schemas.Report{
		`"outcome":"refused","code":"snowflake_auth","reason":"refused the password"`: refusal("snowflake_auth", "refused the password"),
		`"outcome":"unanswered","reason":"the extractor or the scheduler is of`:       fits(),
	} {
		o.mu.Lock()
		o.answers["customers"] = report
		o.mu.Unlock()
		if text := ask(); !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}

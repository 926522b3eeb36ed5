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
	for path, want := range map[string]int{
		"/v1/runs/customers.9/rows":                http.StatusNotFound,
		"/v1/runs/customers/rows":                  http.StatusNotFound,
		"/v1/runs/customers.d1/rows":               http.StatusBadRequest,
		"/v1/runs/customers.1/rows?pageToken=x":    http.StatusBadRequest,
		"/v1/runs/customers.1/rows?result=unknown": http.StatusUnprocessableEntity,
	} {
		if a := c.do("GET", path, ""); a.status != want {
			t.Errorf("%s = %d %s, want %d", path, a.status, a.text, want)
		}
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

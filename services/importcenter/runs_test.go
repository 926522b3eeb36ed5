package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// obey takes the place of the scheduler: it answers the n-th command of the import with a
// state.
func (c *center) obey(t *testing.T, n int, answer func(schemas.Command) schemas.State) {
	t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	go func() {
		for t.Context().Err() == nil {
			commands := c.log(c.topics.Commands(), schemas.ControlPartition("customers"))
			if len(commands) < n {
				continue
			}
			var cmd schemas.Command
			_, value, _ := strings.Cut(commands[n-1], " ")
			if err := json.Unmarshal([]byte(value), &cmd); err != nil {
				t.Error(err)
				return
			}
			record, err := control.Record(c.topics.State(), "customers", "customers", answer(cmd), "state", "test")
			if err == nil {
				err = producer.Produce(t.Context(), record)
			}
			if err != nil && t.Context().Err() == nil {
				t.Error(err)
			}
			return
		}
	}()
}

func TestStartRun(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	c.obey(t, 1, func(cmd schemas.Command) schemas.State {
		return schemas.State{Import: "customers", LastNumber: 1, Keys: []string{cmd.ID}, Active: &schemas.ActiveRun{
			Run: "customers.1", Number: 1, Attempt: 1, Mode: schemas.ModeFull, State: schemas.StateExtracting, Key: cmd.ID,
		}}
	})
	a := c.do("POST", "/v1/imports/customers/runs", "", "Idempotency-Key", "k-1", "Tapline-Actor", "maya")
	if a.status != http.StatusAccepted || a.body["run"] != "customers.1" || a.header.Get("Location") != "/v1/runs/customers.1" {
		t.Fatalf("run = %d %s", a.status, a.text)
	}
	again := c.do("POST", "/v1/imports/customers/runs", "", "Idempotency-Key", "k-1")
	if again.body["run"] != "customers.1" {
		t.Errorf("run with the same key = %d %s", again.status, again.text)
	}
	if got := c.log(c.topics.Commands(), schemas.ControlPartition("customers")); len(got) != 1 {
		t.Errorf("commands topic holds %d records, want 1", len(got))
	}
	c.obey(t, 2, func(cmd schemas.Command) schemas.State {
		return schemas.State{Import: "customers", LastNumber: 1, Keys: []string{"k-1", cmd.ID}, Active: &schemas.ActiveRun{
			Run: "customers.1", Number: 1, Key: "k-1", State: schemas.StateLoading,
		}, Queued: &schemas.QueuedRun{Key: cmd.ID}}
	})
	queued := c.do("POST", "/v1/imports/customers/runs", "", "Idempotency-Key", "k-2")
	if queued.status != http.StatusAccepted || queued.body["run"] != "customers.2" || queued.body["state"] != "queued" {
		t.Errorf("a run behind another = %d %s", queued.status, queued.text)
	}
	if a := c.do("DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", "*"); a.status != http.StatusConflict {
		t.Errorf("deleting a running import = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/nobody/runs", ""); a.status != http.StatusNotFound {
		t.Errorf("running an unknown import = %d %s", a.status, a.text)
	}
}

func TestRunsWithAndWithoutRedis(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	w := projection.NewWriter(c.client)
	for n := 1; n <= 3; n++ {
		run := schemas.Run{
			Run: schemas.RunID("customers", n), Import: "customers", State: schemas.StateSucceeded,
			Counts: schemas.Counts{Read: int64(n)}, StartedAt: time.Date(2026, 11, 24, n, 0, 0, 0, time.UTC),
		}
		if err := w.PutRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	first := c.do("GET", "/v1/runs?import=customers&pageSize=2", "")
	if got := runIDs(first); got != "customers.3 customers.2" {
		t.Errorf("first page = %s %s", got, first.text)
	}
	second := c.do("GET", "/v1/runs?import=customers&pageSize=2&pageToken="+first.body["nextPageToken"].(string), "")
	if got := runIDs(second); got != "customers.1" || second.body["nextPageToken"] != "" {
		t.Errorf("second page = %s %s", got, second.text)
	}
	if a := c.do("GET", "/v1/runs?pageSize=0", ""); a.status != http.StatusUnprocessableEntity || a.body["code"] != "invalid_request" {
		t.Errorf("pageSize=0 = %d %s", a.status, a.text)
	}

	event := schemas.Run{Run: "customers.2", Import: "customers", State: schemas.StateFailed}
	c.produce(c.topics.Runs(), event)
	c.redis.SetError("LOADING")
	if a := c.do("GET", "/v1/runs", ""); a.status != http.StatusOK || a.header.Get("Tapline-Source") != "log" || runIDs(a) != "customers.2" {
		t.Errorf("listing without Redis = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/runs/customers.2", ""); a.status != http.StatusOK || a.body["state"] != "failed" {
		t.Errorf("a run without Redis = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/runs/customers.9", ""); a.status != http.StatusNotFound {
		t.Errorf("an unknown run = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/runs/custmers.2", ""); a.status != http.StatusNotFound || !strings.Contains(a.text, "did you mean customers.2?") {
		t.Errorf("a mistyped run = %d %s", a.status, a.text)
	}
}

// TestUnknownNames: what is not there is answered with 404, and with the nearest name of
// what is.
func TestUnknownNames(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	for path, want := range map[string]string{
		"GET /v1/runs/customers.3":                  "customers has not run yet",
		"GET /v1/runs/customers.3/log":              "customers has not run yet",
		"GET /v1/runs/customers.3/events":           "customers has not run yet",
		"GET /v1/runs/customers.3/rows":             "customers has not run yet",
		"POST /v1/runs/customers.3/cancel":          "customers has not run yet",
		"POST /v1/runs/customers.3/approve":         "customers has not run yet",
		"POST /v1/runs/custmers.3/decline":          "did you mean customers.3?",
		"GET /v1/dryruns/custmers.d1":               "did you mean customers?",
		"GET /v1/connections/warehose":              "did you mean warehouse?",
		"POST /v1/connections/warehose/test":        "did you mean warehouse?",
		"POST /v1/connections/warehose/unmanage":    "did you mean warehouse?",
		"GET /v1/connections/warehose/tables":       "did you mean warehouse?",
		"GET /v1/accounts/clevertp":                 "did you mean clevertap?",
		"POST /v1/accounts/clevertp/test":           "did you mean clevertap?",
		"GET /v1/imports/custmers":                  "did you mean customers?",
		"GET /v1/imports/custmers/stats":            "did you mean customers?",
		"GET /v1/imports/custmers/generations":      "did you mean customers?",
		"GET /v1/imports/customers/generations/9":   "tapline history customers",
		"GET /v1/rejects?import=custmers":           "did you mean customers?",
		"GET /v1/rejects/export?import=custmers":    "did you mean customers?",
		"POST /v1/imports/custmers/replays/plan":    "did you mean customers?",
		"GET /v1/imports/custmers/schedule":         "did you mean customers?",
		"POST /v1/imports/custmers/unmanage":        "did you mean customers?",
		"POST /v1/imports/custmers/rejects/dismiss": "did you mean customers?",
	} {
		method, path, _ := strings.Cut(path, " ")
		body := ""
		if strings.HasSuffix(path, "/plan") {
			body = "{}"
		}
		if a := c.do(method, path, body); a.status != http.StatusNotFound || !strings.Contains(a.text, want) {
			t.Errorf("%s %s = %d %s", method, path, a.status, a.text)
		}
	}
	c.is(schemas.State{Import: "customers", LastNumber: 2})
	for _, path := range []string{"GET /v1/runs/customers.3", "POST /v1/runs/customers.3/cancel", "GET /v1/runs/custmers.3"} {
		method, path, _ := strings.Cut(path, " ")
		if a := c.do(method, path, ""); a.status != http.StatusNotFound || !strings.Contains(a.text, "the newest run of customers is customers.2") {
			t.Errorf("%s %s = %d %s", method, path, a.status, a.text)
		}
	}
}

func runIDs(a answer) string {
	var ids []string
	items, _ := a.body["items"].([]any)
	for _, item := range items {
		ids = append(ids, fmt.Sprint(item.(map[string]any)["run"]))
	}
	return strings.Join(ids, " ")
}

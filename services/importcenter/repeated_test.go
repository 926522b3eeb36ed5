package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestSameRequestTwice: with an Idempotency-Key a repetition changes nothing and gets the
// first answer, whichever operation it is of.
func TestSameRequestTwice(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	for _, r := range []struct{ path, body string }{
		{"/v1/freezes", `{"account":"clevertap","reason":"a sale"}`},
		{"/v1/imports/customers/clone", `{"name":"copy"}`},
		{"/v1/imports/customers/pause", ""},
		{"/v1/apply", `{"documents":[` + strings.Replace(customers, `"customers"`, `"clients"`, 1) + `]}`},
	} {
		before := c.written()
		first := c.do("POST", r.path, r.body, "Idempotency-Key", "k "+r.path)
		if first.status >= http.StatusBadRequest {
			t.Fatalf("%s = %d %s", r.path, first.status, first.text)
		}
		between := c.written()
		again := c.do("POST", r.path, r.body, "Idempotency-Key", "k "+r.path)
		if again.status != first.status || again.text != first.text || again.header.Get("Idempotency-Replayed") != "true" ||
			again.header.Get("Location") != first.header.Get("Location") || again.header.Get("Content-Type") != first.header.Get("Content-Type") {
			t.Errorf("%s again = %d %s, at first %d %s", r.path, again.status, again.text, first.status, first.text)
		}
		if fmt.Sprint(before) == fmt.Sprint(between) || fmt.Sprint(between) != fmt.Sprint(c.written()) {
			t.Errorf("%s: the log was %v, then %v, then %v", r.path, before, between, c.written())
		}
		other := c.do("POST", r.path+"?", strings.Replace(r.body, `"`, ` "`, 1)+" ", "Idempotency-Key", "k "+r.path)
		if other.status != http.StatusUnprocessableEntity && r.body != "" || r.body != "" && other.body["code"] != "key_reused" {
			t.Errorf("%s with another body = %d %s", r.path, other.status, other.text)
		}
	}
	elsewhere := c.do("POST", "/v1/imports/clients/pause", "", "Idempotency-Key", "k /v1/imports/customers/pause")
	if elsewhere.status != http.StatusUnprocessableEntity || elsewhere.body["code"] != "key_reused" {
		t.Errorf("the key of another import = %d %s", elsewhere.status, elsewhere.text)
	}
	// What was refused did nothing, so its key is free.
	if a := c.do("POST", "/v1/imports/nobody/pause", "", "Idempotency-Key", "k-free"); a.status != http.StatusNotFound {
		t.Errorf("pausing nobody = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/resume", "", "Idempotency-Key", "k-free"); a.status != http.StatusAccepted {
		t.Errorf("a key that was refused before = %d %s", a.status, a.text)
	}
	// Reads may be repeated as one likes, and see what is there now.
	if a := c.do("POST", "/v1/schedule", withSchedules(`[{"every":"1h"}]`), "Idempotency-Key", "k-free"); a.header.Get("Idempotency-Replayed") != "" || a.status != http.StatusOK {
		t.Errorf("a read with a used key = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/pause", "", "Idempotency-Key", strings.Repeat("k", 201)); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a long key = %d %s", a.status, a.text)
	}
}

// TestSameRequestAtOnce: of the same request at two replicas at once, one is served and the
// other told to wait, so that nothing is done twice.
func TestSameRequestAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	second := startWith(t, func(cfg *Config) { cfg.CheckTimeout, cfg.Kafka, cfg.Redis = 0, c.kafka, c.redis.Config })
	serving := make(chan struct{})
	c.obey(t, 1, func(cmd schemas.Command) schemas.State {
		<-serving
		return schemas.State{Import: "customers", LastNumber: 1, Keys: []string{cmd.ID}, Active: &schemas.ActiveRun{
			Run: "customers.1", Number: 1, Attempt: 1, Mode: schemas.ModeFull, State: schemas.StateExtracting, Key: cmd.ID,
		}}
	})
	var first answer
	var group sync.WaitGroup
	group.Go(func() { first = c.do("POST", "/v1/imports/customers/runs", "", "Idempotency-Key", "k") })
	eventually(t, func() bool { return len(c.log(c.topics.Commands(), schemas.ControlPartition("customers"))) == 1 })
	if a := second.do("POST", "/v1/imports/customers/runs", "", "Idempotency-Key", "k"); a.status != http.StatusConflict || a.body["code"] != "request_in_flight" {
		t.Errorf("while it is under way = %d %s", a.status, a.text)
	}
	if a := second.do("POST", "/v1/imports/customers/runs?from=2026-01-01", "", "Idempotency-Key", "k"); a.status != http.StatusUnprocessableEntity || a.body["code"] != "key_reused" {
		t.Errorf("another request while it is under way = %d %s", a.status, a.text)
	}
	close(serving)
	group.Wait()
	again := second.do("POST", "/v1/imports/customers/runs", "", "Idempotency-Key", "k")
	if first.status != http.StatusAccepted || again.text != first.text || again.header.Get("Location") != "/v1/runs/customers.1" {
		t.Errorf("at last = %d %s, at first %d %s", again.status, again.text, first.status, first.text)
	}
}

// TestKeysWithoutRedis: a command has its key in the log and goes on; of the rest nobody
// knows whether it was done, so nothing is.
func TestKeysWithoutRedis(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	c.redis.SetError("LOADING")
	before := len(c.log(c.topics.Commands(), schemas.ControlPartition("customers")))
	for range 2 {
		if a := c.do("POST", "/v1/imports/customers/pause", "", "Idempotency-Key", "k"); a.status != http.StatusAccepted {
			t.Errorf("pause = %d %s", a.status, a.text)
		}
	}
	if got := len(c.log(c.topics.Commands(), schemas.ControlPartition("customers"))) - before; got < 1 {
		t.Errorf("%d commands were written", got)
	}
	if a := c.do("POST", "/v1/imports/customers/replays", `{}`, "Idempotency-Key", "k-1"); a.body["code"] == "redis_unavailable" {
		t.Errorf("a replay, whose key is in the log = %d %s", a.status, a.text)
	}
	written := fmt.Sprint(c.written())
	a := c.do("POST", "/v1/freezes", `{"account":"clevertap","reason":"a sale"}`, "Idempotency-Key", "k-2")
	if a.status != http.StatusServiceUnavailable || a.body["code"] != "redis_unavailable" || a.header.Get("Retry-After") == "" || fmt.Sprint(c.written()) != written {
		t.Errorf("a freeze = %d %s", a.status, a.text)
	}
}

// TestSecretAnswersAreNotKept: the secret of a key is shown once, and is not in Redis.
func TestSecretAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	body := `{"name":"ci","role":"operator"}`
	first := c.as(admin, "POST", "/v1/keys", body, "Idempotency-Key", "k")
	again := c.as(admin, "POST", "/v1/keys", body, "Idempotency-Key", "k")
	if first.status != http.StatusCreated || again.status != http.StatusConflict || again.body["code"] != "answer_not_kept" {
		t.Errorf("a key is made with %d, and again with %d %s", first.status, again.status, again.text)
	}
	if a := c.as(admin, "POST", "/v1/apply", `{"documents":[`+connection+`,`+account+`,`+customers+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	// Another caller's keys are their own.
	other := c.writeKey("other", schemas.AccessKeySpec{Role: "admin"})
	if a := c.as(other, "POST", "/v1/freezes", `{"selector":{"names":["customers"]},"reason":"r"}`, "Idempotency-Key", "k"); a.status != http.StatusCreated {
		t.Errorf("another caller's same key = %d %s", a.status, a.text)
	}
}

// TestAKeyTooLate: a body that does not arrive is refused as without a key.
func TestAKeyTooLate(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	large := `{"account":"clevertap","reason":"` + strings.Repeat("x", 2<<20) + `"}`
	began := time.Now()
	if a := c.do("POST", "/v1/freezes", large, "Idempotency-Key", "k"); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body = %d %s after %s", a.status, a.text, time.Since(began))
	}
	if a := c.do("POST", "/v1/freezes", `{"account":"clevertap","reason":"a sale"}`, "Idempotency-Key", "k"); a.status != http.StatusCreated {
		t.Errorf("then = %d %s", a.status, a.text)
	}
}

// TestEveryPostThatWritesTakesAKey: the document names the header for each, and what it
// answers to a repetition.
func TestEveryPostThatWritesTakesAKey(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct{ Name string }
			Responses   map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(start(t).do("GET", "/openapi.json", "").text), &doc); err != nil {
		t.Fatal(err)
	}
	reads := []string{
		"plan", "preview", "describe", "try-mapping", "suggest-mapping", "plan-replay",
		"show-schedule", "check-suppressions", "test-connection", "test-account", "why",
	}
	for _, operations := range doc.Paths {
		op, ok := operations["post"]
		if !ok {
			continue
		}
		takes := false
		for _, p := range op.Parameters {
			takes = takes || p.Name == "Idempotency-Key"
		}
		if takes == slices.Contains(reads, op.OperationID) {
			t.Errorf("%s takes an Idempotency-Key: %t", op.OperationID, takes)
		}
		if takes && (op.Responses["409"] == nil || op.Responses["422"] == nil) {
			t.Errorf("%s does not say that it answers 409 and 422", op.OperationID)
		}
	}
}

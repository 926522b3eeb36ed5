package importcenter

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// keysOnly requires keys.
func keysOnly(cfg *Config) { cfg.Auth.Mode, cfg.CheckTimeout = "keys", 0 }

// ends waits until a stream has ended, whatever it still sends.
func ends(t *testing.T, name string, events <-chan event) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case _, open := <-events:
			if !open {
				return
			}
		case <-deadline:
			t.Fatalf("%s: the stream goes on", name)
		}
	}
}

// rewriteKey gives a key that is in use another spec, as a narrower role.
func (c *center) rewriteKey(name, secret string, spec schemas.AccessKeySpec) {
	c.t.Helper()
	spec.Hash, _ = schemas.HashAccessKey(secret)
	raw, err := json.Marshal(spec)
	if err != nil {
		c.t.Fatal(err)
	}
	c.put(schemas.KindAccessKey, name, raw)
}

// removeKey writes the removal of a key past Import Center.
func (c *center) removeKey(name string) {
	c.t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	record := control.Tombstone(c.topics.Resources(), name, schemas.ResourceKey(schemas.KindAccessKey, name))
	record.Partition = 0
	if err := producer.Produce(c.t.Context(), record); err != nil {
		c.t.Fatal(err)
	}
}

// TestStreamsEndWithTheirCredential: a key that is revoked, expires, or is given a lesser
// role or another selector, and an import that leaves a key's selector, end the streams
// of events in the middle, with Redis away as well. That it happens within a second is
// TestWatchOfACaller's.
func TestStreamsEndWithTheirCredential(t *testing.T) {
	t.Parallel()
	var later atomic.Int64 // how far the service's clock is ahead
	c := startService(t, keysOnly, func(s *Service) {
		s.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	body := `{"documents":[` + strings.Join([]string{connection, account, strings.Replace(customers, `"name":"customers"`, `"name":"customers","labels":{"team":"crm"}`, 1)}, ",") + `]}`
	if a := c.as(admin, "POST", "/v1/apply", body); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	run := schemas.Run{Run: "customers.1", Import: "customers", State: schemas.StateLoading, StartedAt: time.Now().UTC()}
	if err := projection.NewWriter(c.client).PutRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	crm := schemas.AccessKeySpec{Role: "viewer", Selector: &schemas.Selector{Labels: map[string]string{"team": "crm"}}}
	whole := schemas.AccessKeySpec{Role: "editor"}
	paths := []string{"/v1/runs/customers.1/events", "/v1/imports/events"}
	for _, how := range []struct {
		name  string
		spec  schemas.AccessKeySpec
		paths []string
		end   func(key, secret string)
	}{
		{"revoked", whole, paths, func(key, _ string) {
			if a := c.as(admin, "DELETE", "/v1/keys/"+key, ""); a.status != http.StatusNoContent {
				t.Errorf("revoke = %d %s", a.status, a.text)
			}
		}},
		{"a lesser role", whole, paths, func(key, secret string) { c.rewriteKey(key, secret, schemas.AccessKeySpec{Role: "viewer"}) }},
		{"another selector", crm, paths, func(key, secret string) {
			c.rewriteKey(key, secret, schemas.AccessKeySpec{Role: "viewer", Selector: &schemas.Selector{Names: []string{"orders-*"}}})
		}},
		{"another label", crm, paths[:1], func(string, string) {
			if a := c.as(admin, "PATCH", "/v1/imports/customers", `{"metadata":{"labels":{"team":"finance"}}}`, "Content-Type", "application/merge-patch+json", "If-Match", "*"); a.status != http.StatusOK {
				t.Errorf("patch = %d %s", a.status, a.text)
			}
		}},
	} {
		name := how.name
		key := strings.ReplaceAll(name, " ", "-")
		secret := c.writeKey(key, how.spec)
		var streams []<-chan event
		for _, path := range how.paths {
			events, status := c.follow(path, "Authorization", "Bearer "+secret)
			if e := next(t, events); status != http.StatusOK || e.kind == "" {
				t.Fatalf("%s: %s = %d %+v", name, path, status, e)
			}
			streams = append(streams, events)
		}
		how.end(key, secret)
		for i, s := range streams {
			ends(t, name+" "+how.paths[i], s)
		}
	}
	brief := c.writeKey("brief", schemas.AccessKeySpec{Role: "viewer", ExpiresAt: time.Now().Add(time.Hour)})
	c.redis.SetError("LOADING")
	var streams []<-chan event
	for _, path := range paths[1:] {
		events, _ := c.follow(path, "Authorization", "Bearer "+brief)
		next(t, events)
		streams = append(streams, events)
	}
	later.Store(int64(2 * time.Hour))
	for _, s := range streams {
		ends(t, "expired, without Redis", s)
	}
}

// TestExportThatNobodyReadsEndsWithItsCredential: it waits in a write when its key expires.
func TestExportThatNobodyReadsEndsWithItsCredential(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	c := startService(t, keysOnly, func(s *Service) {
		s.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	reader := c.writeKey("reader", schemas.AccessKeySpec{Role: "analyst", ExpiresAt: time.Now().Add(time.Hour)})
	var values []any
	for i := range 5_000 { // more than the connection's buffers hold
		values = append(values, schemas.Reject{Import: "customers", Run: "customers.1", Code: "email_invalid", ID: fmt.Sprint("1.1.", i), Reason: strings.Repeat("x", 4000)})
	}
	c.produce(c.topics.Rejects(), values...)
	req, err := http.NewRequestWithContext(t.Context(), "GET", c.url+"/v1/rejects?import=customers", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", ndjson)
	req.Header.Set("Authorization", "Bearer "+reader)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if !bufio.NewScanner(res.Body).Scan() {
		t.Fatal("no line came")
	}
	later.Store(int64(2 * time.Hour))
	eventually(t, func() bool { return strings.Contains(c.logs.String(), "an answer was ended before its end") })
}

// TestKafkaIsAwayWhileKeysChange: what changes while this replica cannot reach Kafka is not
// granted by it; a revocation that it cannot write is said to have failed; after half a
// minute it takes no key, and once Kafka is back it knows what changed meanwhile.
func TestKafkaIsAwayWhileKeysChange(t *testing.T) {
	t.Parallel()
	network := kafkatest.NewOutage()
	var later atomic.Int64
	c := startService(t, keysOnly, func(s *Service) {
		s.kafka.Dial, s.patience = network.Dial, 2*time.Second
		s.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	old := c.writeKey("old", schemas.AccessKeySpec{Role: "viewer"})
	wide := c.writeKey("wide", schemas.AccessKeySpec{Role: "viewer"})
	events, _ := c.follow("/v1/imports/events", "Authorization", "Bearer "+old)
	next(t, events)

	network.Begin()
	fresh := schemas.NewAccessKey()
	c.rewriteKey("fresh", fresh, schemas.AccessKeySpec{Role: "admin"}) // by another replica
	c.rewriteKey("wide", wide, schemas.AccessKeySpec{Role: "admin"})
	if a := c.as(fresh, "GET", "/v1/caller", ""); a.status != http.StatusUnauthorized {
		t.Errorf("a key that is not known here = %d %s", a.status, a.text)
	}
	if a := c.as(wide, "GET", "/v1/keys", ""); a.status != http.StatusForbidden {
		t.Errorf("a role that is not known here = %d %s", a.status, a.text)
	}
	for _, r := range []struct{ method, path, body string }{
		{"DELETE", "/v1/keys/old", ""}, {"POST", "/v1/keys", `{"name":"another","role":"admin"}`},
	} {
		a := c.as(admin, r.method, r.path, r.body)
		if a.status != http.StatusServiceUnavailable || a.body["code"] != "kafka_unavailable" || !strings.Contains(a.text, "nothing was changed") ||
			strings.Contains(a.text, schemas.AccessKeyPrefix) {
			t.Errorf("%s %s without Kafka = %d %s", r.method, r.path, a.status, a.text)
		}
	}
	if a := c.as(old, "GET", "/v1/caller", ""); a.status != http.StatusOK {
		t.Errorf("the key that was not revoked = %d %s", a.status, a.text)
	}
	c.removeKey("old") // another replica could
	later.Store(int64(31 * time.Second))
	for name, key := range map[string]string{"admin": admin, "old": old, "wide": wide} {
		if a := c.as(key, "GET", "/v1/caller", ""); a.status != http.StatusServiceUnavailable || a.body["code"] != "sign_in_unavailable" {
			t.Errorf("%s after half a minute without Kafka = %d %s", name, a.status, a.text)
		}
	}
	ends(t, "after half a minute without Kafka", events)

	network.End()
	eventually(t, func() bool { return c.as(fresh, "GET", "/v1/keys", "").status == http.StatusOK })
	if a := c.as(old, "GET", "/v1/caller", ""); a.status != http.StatusUnauthorized {
		t.Errorf("the key that was revoked meanwhile = %d %s", a.status, a.text)
	}
	if a := c.as(wide, "GET", "/v1/keys", ""); a.status != http.StatusOK || strings.Contains(a.text, `"another"`) {
		t.Errorf("after it = %d %s", a.status, a.text)
	}
}

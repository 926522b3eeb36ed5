package importcenter

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas"
)

// startWithKeys runs an Import Center that requires keys. Nothing takes the place of the
// scheduler and the extractor.
func startWithKeys(t *testing.T, edit ...func(*Config)) *center {
	t.Helper()
	return startWith(t, func(cfg *Config) {
		cfg.Auth.Mode, cfg.CheckTimeout = "keys", 0
		cfg.AnswerTimeout, cfg.PreviewTimeout = 20*time.Millisecond, 20*time.Millisecond
		for _, e := range edit {
			e(cfg)
		}
	})
}

// writeKey puts a key into the log, as tapline keys bootstrap does, and waits
// until it is taken.
func (c *center) writeKey(name string, spec schemas.AccessKeySpec) string {
	c.t.Helper()
	secret := schemas.NewAccessKey()
	spec.Hash, _ = schemas.HashAccessKey(secret)
	raw, err := json.Marshal(spec)
	if err != nil {
		c.t.Fatal(err)
	}
	c.put(schemas.KindAccessKey, name, raw)
	if spec.ExpiresAt.IsZero() || spec.ExpiresAt.After(time.Now()) {
		eventually(c.t, func() bool { return c.as(secret, "GET", "/v1/caller", "").status == http.StatusOK })
	}
	return secret
}

func (c *center) put(kind, name string, spec json.RawMessage) {
	c.t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	record, err := control.Record(c.topics.Resources(), name, schemas.ResourceKey(kind, name), schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: kind, Metadata: schemas.Metadata{Name: name}, Spec: spec, Generation: 1,
	}, "resource.applied", "test")
	if err != nil {
		c.t.Fatal(err)
	}
	record.Partition = 0
	if err := producer.Produce(c.t.Context(), record); err != nil {
		c.t.Fatal(err)
	}
}

func (c *center) as(key, method, path, body string, header ...string) answer {
	c.t.Helper()
	if key != "" {
		header = append(header, "Authorization", "Bearer "+key)
	}
	return c.do(method, path, body, header...)
}

// TestCredentialsThatDoNotHold: invalid credentials are refused, also two at once and a
// scheme other than Bearer.
func TestCredentialsThatDoNotHold(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	key := c.writeKey("ci", schemas.AccessKeySpec{Role: "admin"})
	for name, header := range map[string]http.Header{
		"two headers":        {"Authorization": {"Bearer " + key, "Bearer " + key}},
		"a key and a cookie": {"Authorization": {"Bearer " + key}, "Cookie": {"__Host-tapline-session=x"}},
		"two cookies":        {"Cookie": {"__Host-tapline-session=x; __Host-tapline-session=y"}},
		"a cookie":           {"Cookie": {"__Host-tapline-session=x"}},
		"basic":              {"Authorization": {"Basic " + key}},
		"only the key":       {"Authorization": {key}},
		"nothing after it":   {"Authorization": {"Bearer "}},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", c.url+"/v1/imports", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s = %d", name, res.StatusCode)
		}
	}
}

// TestRefusalsAreLogged: a refused credential, role, name and origin each leave a
// line with the request's id, and no credential.
func TestRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	viewer, unknown := c.writeKey("viewer", schemas.AccessKeySpec{Role: "viewer"}), schemas.NewAccessKey()
	for name, r := range map[string]struct {
		answer answer
		status int
		said   string
	}{
		"an unknown key":   {c.as(unknown, "GET", "/v1/imports", ""), http.StatusUnauthorized, "a credential was refused"},
		"a lesser role":    {c.as(viewer, "GET", "/v1/keys", ""), http.StatusForbidden, "a caller was refused"},
		"no credential":    {c.as("", "GET", "/v1/imports", ""), http.StatusUnauthorized, "a caller was refused"},
		"another's page":   {c.do("GET", "/v1/imports", "", "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "a request was turned away"},
		"another's page 2": {c.do("POST", "/v1/imports/customers/pause", "", "Origin", "https://evil.example"), http.StatusForbidden, "a request was turned away"},
	} {
		found := false
		for line := range strings.Lines(c.logs.String()) {
			found = found || (strings.Contains(line, r.said) && strings.Contains(line, r.answer.header.Get("X-Request-Id")))
		}
		if r.answer.status != r.status || !found {
			t.Errorf("%s = %d, want %d; logged: %v, want %q", name, r.answer.status, r.status, found, r.said)
		}
	}
	if logs := c.logs.String(); strings.Contains(logs, viewer) || strings.Contains(logs, unknown) {
		t.Error("a key stands in the log")
	}
}

// TestKeyOnTwoReplicas: a key of one replica is revoked on another, and within a
// second the first refuses it.
func TestKeyOnTwoReplicas(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	other := startWithKeys(t, func(cfg *Config) { cfg.Kafka, cfg.Redis = c.kafka, c.redis.Config })
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	made := c.as(admin, "POST", "/v1/keys", `{"name":"ci","role":"operator","selector":{"names":["orders-*"]},"expiresAt":"2099-01-01T00:00:00Z"}`)
	secret, _ := made.body["key"].(string)
	if made.status != http.StatusCreated || !strings.HasPrefix(secret, schemas.AccessKeyPrefix) {
		t.Fatalf("create = %d %s", made.status, made.text)
	}
	if a := c.as(admin, "POST", "/v1/keys", `{"name":"ci","role":"viewer"}`); a.status != http.StatusConflict {
		t.Errorf("a second key of the name = %d %s", a.status, a.text)
	}
	eventually(t, func() bool { return other.as(secret, "GET", "/v1/caller", "").status == http.StatusOK })
	who := other.as(secret, "GET", "/v1/caller", "")
	if who.body["name"] != "key:ci" || who.body["role"] != "operator" || who.body["by"] != "key" {
		t.Errorf("the caller is %s", who.text)
	}
	list := c.as(admin, "GET", "/v1/keys", "")
	if list.status != http.StatusOK || strings.Contains(list.text, "hash") || strings.Contains(list.text, secret) || !strings.Contains(list.text, `"createdBy":"key:admin"`) {
		t.Errorf("keys = %d %s", list.status, list.text)
	}
	if strings.Contains(fmt.Sprint(c.log(c.topics.Resources(), 0), c.log(c.topics.Audit(), 0)), secret) {
		t.Error("the key itself stands in Kafka")
	}
	if a := c.as(admin, "DELETE", "/v1/keys/ci", ""); a.status != http.StatusNoContent {
		t.Fatalf("revoke = %d %s", a.status, a.text)
	}
	revoked := time.Now()
	eventually(t, func() bool { return other.as(secret, "GET", "/v1/caller", "").status == http.StatusUnauthorized })
	if took := time.Since(revoked); took > time.Second {
		t.Errorf("the other replica took the key for %s more", took)
	}
	if a := c.as(secret, "GET", "/v1/caller", ""); a.status != http.StatusUnauthorized {
		t.Errorf("the replica that revoked it = %d", a.status)
	}
}

// TestStreamEndsWithItsKey: a key that is revoked in the middle of a stream ends
// the stream before its end.
func TestStreamEndsWithItsKey(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	reader := c.writeKey("reader", schemas.AccessKeySpec{Role: "analyst"})
	var values []any
	for i := range 20_000 { // more than the connection's buffers hold
		values = append(values, schemas.Reject{Import: "customers", Run: "customers.1", Code: "email_invalid", ID: fmt.Sprint("1.1.", i), Reason: strings.Repeat("x", 1000)})
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
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() {
		t.Fatal("no line came")
	}
	if a := c.as(admin, "DELETE", "/v1/keys/reader", ""); a.status != http.StatusNoContent {
		t.Fatalf("revoke = %d", a.status)
	}
	n := 1
	for lines.Scan() {
		n++
	}
	if n == len(values) || lines.Err() == nil {
		t.Errorf("the stream went on to its end, %d lines, with %v", n, lines.Err())
	}
}

// An alert names a key before it ends.
func TestTheEndOfAKeyIsAMetric(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "importcenter")
	keys := keyEnds{"ci": time.Unix(2_000_000_000, 0)}
	stop, err := exportKeyExpiry(rec.Meter("test"), keys)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{`tapline_importcenter_key_expiry_timestamp_seconds{key="ci"}`: 2_000_000_000}
	if diff := cmp.Diff(want, rec.Metrics(t, "tapline_importcenter_key")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	stop()
	if got := rec.Metrics(t, "tapline_importcenter_key"); len(got) != 0 {
		t.Errorf("after stop: %v", got)
	}
}

type keyEnds map[string]time.Time

func (e keyEnds) Expiries() map[string]time.Time { return e }

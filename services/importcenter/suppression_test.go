package importcenter

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

const (
	testKey    = "a-key-of-the-tests-and-of-nothing-else"
	anotherKey = "another-key-of-the-tests-and-of-nothing"
)

func startSuppressing(t *testing.T, keys string) *center {
	t.Helper()
	c := startWith(t, func(cfg *Config) {
		cfg.CheckTimeout = 0
		cfg.Suppression.Keys = config.Secret(keys)
	})
	if a := c.do("POST", "/v1/apply", `{"documents":[`+account+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	return c
}

// again starts another Import Center of the same deployment.
func (c *center) again(keys string) *center {
	c.t.Helper()
	return startWith(c.t, func(cfg *Config) {
		cfg.Kafka, cfg.Redis, cfg.CheckTimeout = c.kafka, c.redis.Config, 0
		cfg.Suppression.Keys = config.Secret(keys)
	})
}

func (c *center) suppressions(what string, identities ...string) answer {
	c.t.Helper()
	return c.do("POST", "/v1/accounts/clevertap/suppressions/"+what, `{"identities":["`+strings.Join(identities, `","`)+`"]}`)
}

// everything returns all records of the topics of suppressions and of the audit.
func (c *center) everything() string {
	c.t.Helper()
	var b strings.Builder
	for p := range int32(schemas.ControlPartitions) {
		b.WriteString(strings.Join(c.log(c.topics.Suppressions(), p), "\n"))
	}
	b.WriteString(strings.Join(c.log(c.topics.Audit(), 0), "\n"))
	return b.String()
}

// TestSuppressions: people are added, found, counted and removed. Adding one twice has the
// effect of once, and neither Kafka nor the audit says who they are.
func TestSuppressions(t *testing.T) {
	t.Parallel()
	c := startSuppressing(t, testKey)
	want := func(a answer, body string) {
		t.Helper()
		if a.status != http.StatusOK || strings.TrimSpace(a.text) != body {
			t.Errorf("%d %s, want %s", a.status, a.text, body)
		}
	}
	want(c.suppressions("add", "zoe@example.com", " zoe@example.com ", "42"), `{"added":2,"already":1}`)
	want(c.suppressions("add", "42", "43"), `{"added":1,"already":1}`)
	check := c.suppressions("check", "nobody", "zoe@example.com")
	if check.status != http.StatusOK || !strings.HasPrefix(check.text, `{"items":[{"suppressed":false},{"suppressed":true,"since":"20`) {
		t.Errorf("check = %d %s", check.status, check.text)
	}
	want(c.suppressions("remove", "42", "42", "nobody"), `{"removed":1,"absent":2}`)
	want(c.suppressions("check", "42"), `{"items":[{"suppressed":false}]}`)
	counts := c.do("GET", "/v1/accounts/clevertap/suppressions", "")
	if !strings.Contains(counts.text, `"entries":2,"keys":[{"keyId":"`) || !strings.Contains(counts.text, `"known":true,"newest":true`) {
		t.Errorf("counts = %d %s", counts.status, counts.text)
	}
	kept := c.everything()
	for _, secret := range []string{"zoe", "nobody", testKey} {
		if strings.Contains(kept, secret) {
			t.Errorf("Kafka holds %q", secret)
		}
	}
	for _, entry := range []string{`"action":"apply","kind":"Suppression","name":"clevertap","after":{"added":2,"already":1}`,
		`"action":"delete","kind":"Suppression","name":"clevertap","before":{"removed":1,"absent":2}`, `"action":"read","kind":"Suppression"`} {
		if !strings.Contains(kept, entry) {
			t.Errorf("the audit lacks %s: %s", entry, kept)
		}
	}
	for name, a := range map[string]answer{
		"an empty identity": c.suppressions("add", "ok", " "),
		"a long identity":   c.suppressions("add", strings.Repeat("x", 1025)),
		"no identity":       c.do("POST", "/v1/accounts/clevertap/suppressions/add", `{"identities":[]}`),
	} {
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s = %d %s", name, a.status, a.text)
		}
	}
	if a := c.do("POST", "/v1/accounts/nowhere/suppressions/add", `{"identities":["1"]}`); a.status != http.StatusNotFound {
		t.Errorf("an account that is not there = %d %s", a.status, a.text)
	}
}

// TestSuppressionKeysRotate: with the older key beside the newest its entries count,
// adding people again replaces them and keeps since when, and without the older key
// nothing is answered that could be wrong.
func TestSuppressionKeysRotate(t *testing.T) {
	t.Parallel()
	c := startSuppressing(t, testKey)
	c.suppressions("add", "1", "2")
	since := c.suppressions("check", "1").text
	only, both := c.again(anotherKey), c.again(anotherKey+"\n"+testKey)
	for _, what := range []string{"check", "remove"} {
		if a := only.suppressions(what, "1"); a.status != http.StatusServiceUnavailable || a.body["code"] != "suppression_not_comparable" {
			t.Errorf("%s without the older key = %d %s", what, a.status, a.text)
		}
	}
	if a := both.suppressions("add", "1"); a.text != `{"added":0,"already":1}`+"\n" && a.text != `{"added":0,"already":1}` {
		t.Errorf("to add again = %d %s", a.status, a.text)
	}
	if again := both.suppressions("check", "1").text; again != since {
		t.Errorf("since when was %s and is %s", since, again)
	}
	counts, _ := both.do("GET", "/v1/accounts/clevertap/suppressions", "").body["keys"].([]any)
	if len(counts) != 2 || fmt.Sprint(counts[0].(map[string]any)["entries"], counts[1].(map[string]any)["entries"]) != "1 1" {
		t.Errorf("counts = %v", counts)
	}
	both.suppressions("remove", "2")
	if a := only.suppressions("check", "1", "2"); !strings.HasPrefix(a.text, `{"items":[{"suppressed":true`) || !strings.HasSuffix(strings.TrimSpace(a.text), `{"suppressed":false}]}`) {
		t.Errorf("once the older key has no entries = %d %s", a.status, a.text)
	}
	none := c.again("")
	if a := none.suppressions("add", "3"); a.status != http.StatusServiceUnavailable {
		t.Errorf("to add without any key = %d %s", a.status, a.text)
	}
}

// TestSuppressionsWithoutKafka: what Kafka has not acknowledged is refused.
func TestSuppressionsWithoutKafka(t *testing.T) {
	t.Parallel()
	c := startSuppressing(t, testKey)
	before := c.everything()
	patient := c.kafka
	patient.TransactionTimeout = time.Minute
	tx, err := kafka.OpenTransactor(t.Context(), patient, kafkatest.Deps(), "hides")
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.Begin(); err != nil {
		t.Fatal(err)
	}
	// With an open transaction the list's end cannot be read, as when the broker is down.
	tx.Produce(&kafka.Record{Topic: c.topics.Suppressions(), Partition: 0, Key: []byte("x"), Value: []byte("{}")})
	eventually(t, func() bool {
		reader, err := kafka.OpenReader(c.kafka, kafkatest.Deps())
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		end, err := reader.EndOffset(t.Context(), kafka.TP{Topic: c.topics.Suppressions()})
		return err == nil && end > 0
	})
	answered := make(chan answer, 1)
	go func() { answered <- c.suppressions("add", "1") }()
	a := <-answered
	if a.status != http.StatusServiceUnavailable || a.body["code"] != "kafka_unavailable" || a.header.Get("Retry-After") == "" {
		t.Errorf("add = %d %s", a.status, a.text)
	}
	if err := tx.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, c.everything()); diff != "" {
		t.Errorf("Kafka holds what was refused (-before +after):\n%s", diff)
	}
}

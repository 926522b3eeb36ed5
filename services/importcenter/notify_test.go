package importcenter

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/notify"
)

// hook is a server that takes messages.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []schemas.Notice // those that it has taken
	seen   map[string]int   // requests by id, taken or not
	bodies []string
	t      *testing.T
}

const hookSecret = "canary-hook-secret"

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{t: t, status: http.StatusNoContent, seen: map[string]int{}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var n schemas.Notice
	if err != nil || json.Unmarshal(body, &n) != nil {
		h.t.Errorf("a message cannot be read: %s", body)
	}
	if want := "v1," + notify.Sign(hookSecret, n.ID, r.Header.Get("Webhook-Timestamp"), body); r.Header.Get("Webhook-Signature") != want || r.Header.Get("Webhook-Id") != n.ID {
		h.t.Errorf("the signature of %s is wrong", n.ID)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen[n.ID]++
	h.bodies = append(h.bodies, string(body))
	if h.status < 300 {
		h.got = append(h.got, n)
	}
	w.WriteHeader(h.status)
}

func (h *hook) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

func (h *hook) requests() (requests, ids int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.seen {
		requests += n
	}
	return requests, len(h.seen)
}

func (h *hook) taken() []schemas.Notice {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]schemas.Notice{}, h.got...)
}

// telling is a configuration that looks often and may use the test's secret.
func telling(t *testing.T, edit func(*Config)) (func(*Config), string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "hook")
	if err := os.WriteFile(path, []byte(hookSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(cfg *Config) {
		cfg.CheckTimeout, cfg.AllowCustomEndpoints = 0, true
		cfg.Notifications.Every, cfg.Notifications.RetryMin, cfg.Notifications.RetryMax = 10*time.Millisecond, time.Millisecond, 5*time.Millisecond
		cfg.Notifications.Secrets = config.References{Directories: []string{dir}}
		cfg.Notifications.PageURL = "https://tapline.example.com"
		edit(cfg)
	}, "ref+file://" + path
}

func notification(url, secret, selector string) string {
	return `{"apiVersion":"tapline.dev/v1alpha1","kind":"Notification","metadata":{"name":"oncall"},"spec":{` + selector + `"webhook":{"url":"` + url + `","secret":"` + secret + `"}}}`
}

func ended(run, state, code string, at time.Time) *schemas.EndedRun {
	return &schemas.EndedRun{Run: run, State: state, Code: code, StartedAt: at, Time: at}
}

// TestNotificationsOutliveTheirSender: a message that its channel does not take is sent
// again with the same id, by another Import Center too once the first has stopped; each
// change is told once, and a restart tells nothing again.
func TestNotificationsOutliveTheirSender(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	h.answer(http.StatusServiceUnavailable)
	edit, secret := telling(t, func(*Config) {})
	servers := struct {
		kafka kafka.Config
		redis redis.Config
	}{kafkatest.Start(t), redistest.New(t).Config} // they outlive the senders
	same := func(cfg *Config) { edit(cfg); cfg.Kafka, cfg.Redis = servers.kafka, servers.redis }
	now := time.Now().UTC()
	t.Run("the first sender", func(t *testing.T) {
		c := startWith(t, same)
		if a := c.apply(connection, account, customers, notification(h.URL, secret, "")); a.status != http.StatusOK {
			t.Fatalf("apply = %d %s", a.status, a.text)
		}
		c.produce(c.topics.State(), schemas.State{Import: "customers", Epoch: 1, LastEnded: ended("customers.7", schemas.StateFailed, "snowflake_auth", now)})
		eventually(t, func() bool { requests, _ := h.requests(); return requests > 2 })
	})
	h.answer(http.StatusNoContent)
	second := startWith(t, same)
	eventually(t, func() bool { return len(h.taken()) == 1 })
	if _, ids := h.requests(); ids != 1 {
		t.Errorf("one change was told under %d ids", ids)
	}
	n := h.taken()[0]
	if n.Condition != schemas.NotifyFailing || n.Before != schemas.NotifyOK || n.Code != "snowflake_auth" || n.Run != "customers.7" ||
		n.Next != "tapline get run customers.7" || n.Link != "https://tapline.example.com/imports/customers" {
		t.Errorf("told %+v", n)
	}
	// A hold while the failure is known is news; the failure after it too; the end once.
	held := schemas.State{Import: "customers", Epoch: 1, LastEnded: ended("customers.7", schemas.StateFailed, "snowflake_auth", now), Active: &schemas.ActiveRun{
		Run: "customers.8", State: schemas.StateHeld, HeldBecause: &schemas.Hold{Code: "rows_grew", Reason: "12 times the usual", Records: 1200},
	}}
	second.produce(second.topics.State(), held)
	eventually(t, func() bool { return len(h.taken()) == 2 })
	second.produce(second.topics.State(), schemas.State{Import: "customers", Epoch: 1, LastEnded: ended("customers.8", schemas.StateSucceeded, "", now), LastSucceeded: ended("customers.8", schemas.StateSucceeded, "", now)})
	eventually(t, func() bool { return len(h.taken()) == 3 })
	got := h.taken()
	if got[1].Condition != schemas.NotifyHeld || got[1].Before != schemas.NotifyFailing || got[1].Figures.HeldRecords != 1200 || got[2].Condition != schemas.NotifyOK || got[2].Before != schemas.NotifyHeld {
		t.Errorf("told %+v and %+v", got[1], got[2])
	}
	third := startWith(t, same)
	a := third.do("POST", "/v1/notifications/oncall/test", "{}", "Tapline-Actor", "maya")
	if a.status != http.StatusOK || a.body["delivered"] != true {
		t.Errorf("the test = %d %s", a.status, a.text)
	}
	if got := h.taken(); len(got) != 4 || got[3].Condition != schemas.NotifyTest {
		t.Errorf("in the end %d messages: %+v", len(got), got)
	}
	if logs := second.logs.String() + third.logs.String(); strings.Contains(logs, hookSecret) {
		t.Error("the log holds the secret")
	}
}

// TestARecordThatCannotBeReadStopsNoNotification: neither the import that it is about nor
// another one goes untold.
func TestARecordThatCannotBeReadStopsNoNotification(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	edit, secret := telling(t, func(*Config) {})
	cluster := kafkatest.Start(t)
	producer, err := kafka.OpenProducer(cluster, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	topic := schemas.NewTopics(cluster.Prefix).Notifications()
	for _, key := range []string{schemas.NotifiedKey("oncall", "customers"), schemas.NotifiedKey("oncall", "gone")} {
		if err := producer.Produce(t.Context(), &kafka.Record{Topic: topic, Key: []byte(key), Value: []byte(`{"import":7`)}); err != nil {
			t.Fatal(err)
		}
	}
	c := startWith(t, func(cfg *Config) { edit(cfg); cfg.Kafka = cluster })
	if a := c.apply(connection, account, customers, notification(h.URL, secret, "")); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	c.produce(c.topics.State(), schemas.State{Import: "customers", Epoch: 1, LastEnded: ended("customers.7", schemas.StateFailed, "snowflake_auth", time.Now().UTC())})
	eventually(t, func() bool { return len(h.taken()) == 1 })
	if n := h.taken()[0]; n.Condition != schemas.NotifyFailing || n.Run != "customers.7" {
		t.Errorf("told %+v", n)
	}
}

// TestAcknowledgedFailuresAreMuted: what is acknowledged is not told and shown in the
// listing, until a run has succeeded; the next failure is told.
func TestAcknowledgedFailuresAreMuted(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	edit, secret := telling(t, func(*Config) {})
	c := startWith(t, edit)
	c.apply(connection, account, customers)
	now := time.Now().UTC()
	until := now.Add(time.Hour).Format(time.RFC3339)
	if a := c.do("PUT", "/v1/imports/customers/acknowledgement", `{"until":"`+until+`","reason":"the warehouse moves"}`, "Tapline-Actor", "maya"); a.status != http.StatusOK {
		t.Fatalf("acknowledge = %d %s", a.status, a.text)
	}
	for _, wrong := range []string{now.Add(-time.Hour).Format(time.RFC3339), now.Add(91 * 24 * time.Hour).Format(time.RFC3339)} {
		if a := c.do("PUT", "/v1/imports/customers/acknowledgement", `{"until":"`+wrong+`"}`); a.status != http.StatusUnprocessableEntity {
			t.Errorf("until %s = %d %s", wrong, a.status, a.text)
		}
	}
	failed := func(run string, success *schemas.EndedRun, at time.Time) {
		c.produce(c.topics.State(), schemas.State{Import: "customers", Epoch: 1, LastEnded: ended(run, schemas.StateFailed, "x", at), LastSucceeded: success})
	}
	failed("customers.1", nil, now)
	c.apply(notification(h.URL, secret, `"selector":{"names":["cust*"]},`))
	if a := c.do("GET", "/v1/imports", ""); !strings.Contains(a.text, `"acknowledged":{"until":"`+until+`","reason":"the warehouse moves"`) {
		t.Errorf("the listing is %s", a.text)
	}
	// A success ends the acknowledgement, and the next failure is the first that is told.
	failed("customers.3", ended("customers.2", schemas.StateSucceeded, "", time.Now().Add(2*time.Second).UTC()), time.Now().Add(3*time.Second).UTC())
	eventually(t, func() bool { return len(h.taken()) == 1 })
	if got := h.taken()[0]; got.Run != "customers.3" {
		t.Errorf("told %+v", got)
	}
	if a := c.do("DELETE", "/v1/imports/customers/acknowledgement", ""); a.status != http.StatusNoContent {
		t.Errorf("unacknowledge = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/imports/customers/acknowledgement", ""); a.status != http.StatusNotFound {
		t.Errorf("a second time = %d %s", a.status, a.text)
	}
}

// TestTheHeartbeatStopsWithTheScheduler: the outside monitor is called while every due
// instant is accounted for, and not any more once one is not.
func TestTheHeartbeatStopsWithTheScheduler(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	beats := 0
	monitor := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		beats++
	}))
	t.Cleanup(monitor.Close)
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return beats
	}
	edit, _ := telling(t, func(cfg *Config) {
		cfg.Heartbeat = HeartbeatConfig{URL: config.Secret(monitor.URL), Every: 10 * time.Millisecond}
	})
	c := startWith(t, edit)
	c.apply(connection, account, strings.Replace(customers, `"spec":{"source"`, `"spec":{"schedules":[{"every":"1h"}],"source"`, 1))
	long, short := time.Now().Add(-48*time.Hour).UTC(), time.Now().Add(-time.Minute).UTC()
	acted := func(last time.Time) {
		c.produce(c.topics.State(), schemas.State{Import: "customers", Epoch: 1, Anchor: &long, ScheduleSince: &long, LastDue: &last})
	}
	acted(short)
	before := count()
	eventually(t, func() bool { return count() > before+3 })
	acted(time.Now().Add(-3 * time.Hour).UTC())
	eventually(t, func() bool { return strings.Contains(c.logs.String(), "nobody has acted on it: of customers") })
	at := count()
	eventually(t, func() bool { return strings.Count(c.logs.String(), "nobody has acted on it: of customers") > 5 })
	if got := count(); got > at+1 { // one call may have been under way
		t.Errorf("%d calls although an instant is not accounted for", got-at)
	}
	acted(time.Now().Add(-time.Minute).UTC())
	at = count()
	eventually(t, func() bool { return count() > at })
}

package importcenter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/domain/projection"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

const (
	connection = `{"apiVersion":"tapline.dev/v1alpha1","kind":"SnowflakeConnection","metadata":{"name":"warehouse"},
		"spec":{"account":"acme-eu1","user":"TAPLINE","password":"ref+env://PW"}}`
	account = `{"apiVersion":"tapline.dev/v1alpha1","kind":"CleverTapAccount","metadata":{"name":"clevertap"},
		"spec":{"region":"in1","accountId":"ref+env://ID","passcode":"ref+env://PASS"}}`
	customers = `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"customers"},
		"spec":{"source":{"connectionRef":"warehouse","query":"select * from customers","cursor":{"column":"UPDATED_AT"}},
		"destination":{"accountRef":"clevertap","type":"profile"},"identity":{"column":"CUSTOMER_ID"},
		"mapping":["EMAIL -> Email"],"topic":{"partitions":2}}}`
)

// center is a running Import Center and what it stands on.
type center struct {
	t      *testing.T
	url    string
	kafka  kafka.Config
	topics schemas.Topics
	redis  *redistest.Server
	client *redis.Client
	http   *http.Client
}

func start(t *testing.T) *center {
	t.Helper()
	return startWith(t, func(cfg *Config) { cfg.CheckTimeout = 0 }) // no extractor is there to ask
}

func startWith(t *testing.T, edit func(*Config)) *center {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Kafka = kafkatest.Start(t)
	server := redistest.New(t)
	cfg.Redis = server.Config
	cfg.AnswerTimeout = 5 * time.Second
	edit(&cfg)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", listenAddr(cfg))
	if err != nil {
		t.Fatal(err)
	}
	health := daemon.NewHealth()
	service, err := New(cfg, Deps{Telemetry: telemetry.Discard(), Health: health})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	if listener, err = service.secured(listener); err != nil {
		t.Fatal(err)
	}
	go func() { done <- service.run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	c := &center{
		t: t, url: "http://" + listener.Addr().String(), kafka: cfg.Kafka,
		topics: schemas.NewTopics(cfg.Kafka.Prefix), redis: server, client: server.Client(t), http: http.DefaultClient,
	}
	eventually(t, func() bool { return health.Ready(t.Context()) == nil })
	return c
}

// listenAddr is a free port, unless the test has chosen one.
func listenAddr(cfg Config) string {
	if cfg.HTTP.Addr == DefaultConfig().HTTP.Addr {
		return "127.0.0.1:0"
	}
	return cfg.HTTP.Addr
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("did not come true within 10 s")
		}
	}
}

// answer is a response, decoded as far as it is JSON.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (c *center) do(method, path, body string, header ...string) answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // not every answer is an object
	return a
}

func (c *center) apply(documents ...string) answer {
	c.t.Helper()
	return c.do("POST", "/v1/apply", `{"documents":[`+strings.Join(documents, ",")+`]}`, "Tapline-Actor", "maya")
}

// log returns the records of a topic's partition, keys and values.
func (c *center) log(topic string, partition int32) []string {
	c.t.Helper()
	reader, err := kafka.OpenReader(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer reader.Close()
	var out []string
	_, err = reader.ReadTo(c.t.Context(), kafka.TP{Topic: topic, Partition: partition}, 0, func(r *kafka.Record) error {
		out = append(out, string(r.Key)+" "+string(r.Value))
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

func TestApply(t *testing.T) {
	t.Parallel()
	c := start(t)

	first := c.apply(connection, account, customers)
	if first.status != http.StatusOK {
		t.Fatalf("apply = %d %s", first.status, first.text)
	}
	var got struct {
		Items []struct {
			Kind, Name, Outcome string
			Generation          int
		}
	}
	if err := json.Unmarshal([]byte(first.text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("[{SnowflakeConnection warehouse created 1} {CleverTapAccount clevertap created 1} {Import customers created 1}]", fmt.Sprint(got.Items)); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	imports := c.log(c.topics.Imports(), schemas.ControlPartition("customers"))
	if len(imports) != 1 || !strings.HasPrefix(imports[0], "customers {") {
		t.Fatalf("imports topic holds %q, want one definition", imports)
	}
	if n := len(c.log(c.topics.Resources(), 0)); n != 2 {
		t.Errorf("resources topic holds %d records, want 2", n)
	}
	audit := c.log(c.topics.Audit(), 0)
	if len(audit) != 3 || !strings.HasPrefix(audit[0], "maya ") {
		t.Errorf("audit topic holds %q, want three entries of maya", audit)
	}
	if n := len(c.log(c.topics.Rows("customers"), 1)); n != 0 {
		t.Errorf("rows topic holds %d records, want it made and empty", n)
	}

	again := c.apply(connection, account, customers)
	if again.status != http.StatusOK || strings.Count(again.text, `"unchanged"`) != 3 {
		t.Errorf("applying again = %d %s", again.status, again.text)
	}
	if n := len(c.log(c.topics.Imports(), schemas.ControlPartition("customers"))); n != 1 {
		t.Errorf("imports topic holds %d records after an unchanged apply, want 1", n)
	}

	changed := c.apply(strings.Replace(customers, "select *", "select a", 1))
	if changed.status != http.StatusOK || !strings.Contains(changed.text, `"generation":2`) {
		t.Errorf("applying a change = %d %s", changed.status, changed.text)
	}
	read := c.do("GET", "/v1/imports/customers", "")
	if read.header.Get("ETag") != `"2"` || !strings.Contains(read.text, "select a from customers") {
		t.Errorf("reading it = %s %s", read.header.Get("ETag"), read.text)
	}
}

// TestApplyKeepsWhatExpressionsMeant: an import that was applied before numbers
// were exact is not changed by applying it again, and the answer names it.
func TestApplyKeepsWhatExpressionsMeant(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	former := strings.Replace(customers, `"EMAIL -> Email"`, `"EMAIL -> Email",{"to":"p","expr":"SPEND + 1"}`, 1)
	var d schemas.Definition
	short := strings.Replace(former, `"EMAIL -> Email"`, `{"from":"EMAIL","to":"Email"}`, 1)
	if err := json.Unmarshal([]byte(short), &d); err != nil {
		t.Fatal(err)
	}
	d.Generation = 1
	c.produce(c.topics.Imports(), d)

	again := c.apply(former)
	if again.status != http.StatusOK || !strings.Contains(again.text, `"unchanged"`) || !strings.Contains(again.text, "spec.expressions: exact") {
		t.Errorf("applying again = %d %s", again.status, again.text)
	}
	elsewhere := c.apply(strings.Replace(former, "select *", "select a", 1))
	if !strings.Contains(elsewhere.text, `"updated"`) || !strings.Contains(elsewhere.text, "spec.expressions: exact") {
		t.Errorf("an edit elsewhere = %d %s", elsewhere.status, elsewhere.text)
	}
	edited := c.apply(strings.Replace(former, "SPEND + 1", "SPEND + 2", 1))
	if !strings.Contains(edited.text, `"updated"`) || strings.Contains(edited.text, "spec.expressions") {
		t.Errorf("an edited expression = %d %s", edited.status, edited.text)
	}
	if read := c.do("GET", "/v1/imports/customers", ""); !strings.Contains(read.text, `"expressions":"exact"`) {
		t.Errorf("reading it = %s", read.text)
	}
}

func TestApplyWritesNothingWhenAnythingIsWrong(t *testing.T) {
	t.Parallel()
	c := start(t)
	tests := []struct {
		name      string
		documents []string
		says      string
	}{
		{"no such connection", []string{account, customers}, "there is no SnowflakeConnection warehouse"},
		{"unknown key", []string{connection, account, strings.Replace(customers, `"mapping"`, `"maping"`, 1)}, "maping"},
		{"a mapping that cannot be", []string{connection, account, strings.Replace(customers, "EMAIL -> Email", "EMAIL -> a|b", 1)}, "documents[2].spec.mapping[0]"},
		{"a secret in the open", []string{strings.Replace(connection, "ref+env://PW", "hunter2", 1)}, "a secret never stands in a definition"},
		{"another kind", []string{connection, `{"apiVersion":"tapline.dev/v1alpha1","kind":"Deployment","metadata":{"name":"x"},"spec":{}}`}, "kind"},
		{"a host of one's own", []string{strings.Replace(connection, `"user"`, `"host":"evil.example.com","user"`, 1)}, "custom endpoints"},
	}
	for _, tt := range tests {
		a := c.apply(tt.documents...)
		if a.status != http.StatusUnprocessableEntity || a.body["code"] != codeRefused || !strings.Contains(a.text, tt.says) {
			t.Errorf("%s: %d %s", tt.name, a.status, a.text)
		}
		if got := a.header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: content type %s", tt.name, got)
		}
	}
	for partition := range int32(schemas.ControlPartitions) {
		if got := c.log(c.topics.Imports(), partition); len(got) != 0 {
			t.Errorf("imports topic holds %q", got)
		}
	}
	if got := c.log(c.topics.Resources(), 0); len(got) != 0 {
		t.Errorf("resources topic holds %q", got)
	}
	other := c.apply(connection, account, customers)
	if other.status != http.StatusOK {
		t.Fatalf("apply = %d %s", other.status, other.text)
	}
	more := c.apply(strings.Replace(customers, `"partitions":2`, `"partitions":3`, 1))
	if more.status != http.StatusConflict || !strings.Contains(more.text, "partitions") {
		t.Errorf("another partition count = %d %s", more.status, more.text)
	}
}

const codeRefused = "definition_refused"

func TestPutAndDelete(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	if a := c.do("PUT", "/v1/imports/other", customers); a.status != http.StatusUnprocessableEntity {
		t.Errorf("PUT under another name = %d %s", a.status, a.text)
	}
	if a := c.do("PUT", "/v1/imports/customers", customers); a.status != http.StatusOK || a.header.Get("ETag") != `"1"` {
		t.Errorf("PUT = %d %s %s", a.status, a.header.Get("ETag"), a.text)
	}
	if a := c.do("PUT", "/v1/imports/customers", customers, "If-Match", `"7"`); a.status != http.StatusPreconditionFailed {
		t.Errorf("PUT over a change = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/connections/warehouse", ""); a.status != http.StatusConflict || !strings.Contains(a.text, "customers") {
		t.Errorf("deleting a connection in use = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/imports/customers", ""); a.status != http.StatusNoContent {
		t.Errorf("DELETE = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/imports/customers", ""); a.status != http.StatusNotFound || a.body["code"] != "not_found" {
		t.Errorf("GET of a deleted import = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/connections/warehouse", ""); a.status != http.StatusNoContent {
		t.Errorf("deleting a connection not in use = %d %s", a.status, a.text)
	}
	if got := c.log(c.topics.Imports(), schemas.ControlPartition("customers")); len(got) != 2 || got[1] != "customers " {
		t.Errorf("imports topic holds %q, want a definition and a tombstone", got)
	}
}

// obey plays the scheduler: it answers the n-th command of the import with a state.
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
	if a := c.do("DELETE", "/v1/imports/customers", ""); a.status != http.StatusConflict {
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
	if a := c.do("GET", "/v1/runs", ""); a.status != http.StatusServiceUnavailable || a.body["code"] != "redis_unavailable" {
		t.Errorf("listing without Redis = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/runs/customers.2", ""); a.status != http.StatusOK || a.body["state"] != "failed" {
		t.Errorf("a run without Redis = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/runs/customers.9", ""); a.status != http.StatusNotFound {
		t.Errorf("an unknown run = %d %s", a.status, a.text)
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

func (c *center) produce(topic string, values ...any) {
	c.t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	for _, v := range values {
		record, err := control.Record(topic, "customers", "customers", v, "test", "test")
		if err == nil {
			err = producer.Produce(c.t.Context(), record)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestRejects(t *testing.T) {
	t.Parallel()
	c := start(t)
	for n := range 5 {
		c.produce(c.topics.Rejects(), schemas.Reject{
			Stage: schemas.StageMap, Code: []string{"email_invalid", "phone_invalid"}[n%2], Import: "customers",
			Run: "customers.1", ID: fmt.Sprint(n), Row: json.RawMessage(`{"EMAIL":"<a&b>"}`),
		})
	}
	page := c.do("GET", "/v1/rejects?run=customers.1&pageSize=2", "")
	items, _ := page.body["items"].([]any)
	if len(items) != 2 || items[0].(map[string]any)["id"] != "4" {
		t.Fatalf("rejects = %d %s", page.status, page.text)
	}
	next := c.do("GET", "/v1/rejects?run=customers.1&pageSize=9&pageToken="+page.body["nextPageToken"].(string), "")
	if items, _ := next.body["items"].([]any); len(items) != 3 {
		t.Errorf("the page after it = %s", next.text)
	}
	lines := c.do("GET", "/v1/rejects?import=customers&code=phone_invalid", "", "Accept", "application/x-ndjson")
	if n := bytes.Count([]byte(lines.text), []byte("\n")); n != 2 || !strings.Contains(lines.text, `"EMAIL"`) {
		t.Errorf("NDJSON = %s", lines.text)
	}
	for path, says := range map[string]string{
		"/v1/rejects":                                "name the import",
		"/v1/rejects?run=customers":                  "is not a run",
		"/v1/rejects?run=customers.1&import=other":   "not a run of other",
		"/v1/rejects?import=customers&pageToken=abc": "nextPageToken",
	} {
		if a := c.do("GET", path, ""); a.status != http.StatusBadRequest || !strings.Contains(a.text, says) {
			t.Errorf("%s = %d %s", path, a.status, a.text)
		}
	}
	if a := c.do("GET", "/v1/rejects?import=customers&pageToken=999999999999", ""); len(a.body["items"].([]any)) != 5 {
		t.Errorf("a page token beyond the end = %d %s", a.status, a.text)
	}
	for _, path := range []string{"/v1/rejects?import=custmers", "/v1/runs?import=custmers"} {
		if a := c.do("GET", path, ""); a.status != http.StatusNotFound || !strings.Contains(a.text, "no import named custmers") {
			t.Errorf("%s = %d %s, want 404: an empty list would hide a typing mistake", path, a.status, a.text)
		}
	}
	if a := c.do("GET", "/v1/runs?state=done", ""); a.status < 400 || a.status >= 500 {
		t.Errorf("an unknown state = %d %s", a.status, a.text)
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	c := start(t)
	a := c.do("GET", "/openapi.json", "")
	if a.status != http.StatusOK || a.body["openapi"] != "3.1.0" {
		t.Fatalf("openapi = %d %s", a.status, a.text[:min(200, len(a.text))])
	}
	for _, path := range []string{"/v1/apply", "/v1/imports/{import}/runs", "/v1/runs/{run}/cancel", "/v1/rejects", "/v1/connections"} {
		if _, ok := a.body["paths"].(map[string]any)[path]; !ok {
			t.Errorf("no %s in the OpenAPI document", path)
		}
	}
}

// TestEveryRouteHasARole: an operation without an entry in the table of routes
// fails, and so does an entry without an operation.
func TestEveryRouteHasARole(t *testing.T) {
	t.Parallel()
	c := start(t)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Security    []map[string][]string `json:"security"`
		}
	}
	if err := json.Unmarshal([]byte(c.do("GET", "/openapi.json", "").text), &doc); err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			served[op.OperationID] = true
			route, ok := access.Routes[op.OperationID]
			if !ok {
				t.Errorf("%s %s (%s) has no role: add it to internal/access/routes.go", method, path, op.OperationID)
				continue
			}
			if want := []map[string][]string{{"bearer": {route.Role.String()}}}; route.Role > access.Anyone && !cmp.Equal(op.Security, want) {
				t.Errorf("%s: the OpenAPI document asks for %v, want %v", op.OperationID, op.Security, want)
			}
		}
	}
	for id := range access.Routes {
		if !served[id] {
			t.Errorf("the table of routes names %s, which is no operation", id)
		}
	}
}

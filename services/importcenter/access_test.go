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
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// startWithKeys runs an Import Center that wants keys, with nobody to answer for
// the scheduler and the extractor.
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

func (c *center) as(key, method, path, body string) answer {
	c.t.Helper()
	if key == "" {
		return c.do(method, path, body)
	}
	return c.do(method, path, body, "Authorization", "Bearer "+key)
}

// operation is a route as the OpenAPI document serves it.
type operation struct{ id, method, path string }

func (c *center) operations() (out []operation) {
	c.t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	if err := json.Unmarshal([]byte(c.do("GET", "/openapi.json", "").text), &doc); err != nil {
		c.t.Fatal(err)
	}
	fill := strings.NewReplacer("{import}", "customers", "{run}", "customers.1", "{name}", "warehouse")
	for path, operations := range doc.Paths {
		for method, op := range operations {
			out = append(out, operation{op.OperationID, strings.ToUpper(method), fill.Replace(path)})
		}
	}
	if len(out) < len(access.Routes) {
		c.t.Fatalf("%d operations are served, %d are in the table", len(out), len(access.Routes))
	}
	return out
}

// TestEveryRouteWithEveryRole calls each route with each role, without a
// credential and with ones that do not hold, and holds the answers to the table.
func TestEveryRouteWithEveryRole(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	keys := map[access.Role]string{}
	for _, role := range access.Roles() {
		keys[role] = c.writeKey(role.String(), schemas.AccessKeySpec{Role: role.String()})
	}
	if a := c.as(keys[access.Admin], "POST", "/v1/apply", `{"documents":[`+connection+","+account+","+customers+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	expired := c.writeKey("expired", schemas.AccessKeySpec{Role: "admin", ExpiresAt: time.Now().Add(-time.Second)})
	bad := map[string]string{
		"no credential": "", "an expired key": expired, "an unknown key": schemas.NewAccessKey(),
		"no key at all": "tapline_", "another's token": "eyJhbGciOiJub25lIn0.e30.", "a key and more": keys[access.Admin] + "x",
		"two keys in one": keys[access.Admin] + ", " + keys[access.Admin], "a key with a blank": " " + keys[access.Admin],
	}
	written := c.written()
	var refused string
	for _, op := range c.operations() {
		route := access.Routes[op.id]
		if route.Role == access.Anyone {
			continue
		}
		for name, credential := range bad {
			a := c.as(credential, op.method, op.path, bodyOf(op))
			if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s = %d %s", op.id, name, a.status, a.text)
			}
			if refused == "" {
				refused = a.text
			}
			if a.text != refused {
				t.Errorf("%s with %s is answered %s, and not as the others are", op.id, name, a.text)
			}
		}
		for _, role := range access.Roles() {
			if role >= route.Role {
				continue
			}
			a := c.as(keys[role], op.method, op.path, bodyOf(op))
			if a.status != http.StatusForbidden || !strings.Contains(a.text, "needs the role "+route.Role.String()) {
				t.Errorf("%s as %s = %d %s", op.id, role, a.status, a.text)
			}
		}
	}
	if diff := cmp.Diff(written, c.written()); diff != "" {
		t.Errorf("refused requests have written (-before +after):\n%s", diff)
	}
	for _, op := range c.operations() {
		if strings.HasPrefix(op.id, "delete-") || op.id == "revoke-key" {
			continue // the others need what they would take away
		}
		for _, role := range access.Roles() {
			if role < access.Routes[op.id].Role {
				continue
			}
			if a := c.as(keys[role], op.method, op.path, bodyOf(op)); a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
				t.Errorf("%s as %s = %d %s", op.id, role, a.status, a.text)
			}
		}
	}
	for _, path := range []string{"/v1/imports/customers", "/v1/connections/warehouse", "/v1/accounts/clevertap", "/v1/keys/viewer"} {
		if a := c.as(keys[access.Admin], "DELETE", path, ""); a.status != http.StatusNoContent {
			t.Errorf("DELETE %s as admin = %d %s", path, a.status, a.text)
		}
	}
}

func bodyOf(op operation) string {
	switch {
	case op.id == "preview":
		return `{"import":"customers"}`
	case op.method == http.MethodPost || op.method == http.MethodPut:
		return "{}"
	}
	return ""
}

// written counts the records of every topic that Import Center writes.
func (c *center) written() map[string]int {
	c.t.Helper()
	counts := map[string]int{}
	for _, topic := range []string{c.topics.Imports(), c.topics.Resources(), c.topics.Commands(), c.topics.Audit()} {
		for p := range int32(schemas.ControlPartitions) {
			if p == 0 || topic == c.topics.Imports() || topic == c.topics.Commands() {
				counts[topic] += len(c.log(topic, p))
			}
		}
	}
	return counts
}

// TestCredentialsThatDoNotHold: two credentials are none, and a scheme that is not
// Bearer is none.
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

// TestSelector: a bounded key sees and does what concerns its imports, and nothing
// that concerns all.
func TestSelector(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	orders := strings.Replace(customers, `{"name":"customers"}`, `{"name":"orders","labels":{"team":"crm"}}`, 1)
	if a := c.as(admin, "POST", "/v1/apply", `{"documents":[`+connection+","+account+","+customers+","+orders+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	crm := c.writeKey("crm", schemas.AccessKeySpec{Role: "admin", Selector: &schemas.Selector{Labels: map[string]string{"team": "crm"}}})
	if a := c.as(crm, "GET", "/v1/imports", ""); a.status != http.StatusOK || strings.Contains(a.text, "customers") || !strings.Contains(a.text, "orders") {
		t.Errorf("imports = %d %s", a.status, a.text)
	}
	stolen := strings.Replace(customers, `{"name":"customers"}`, `{"name":"customers","labels":{"team":"crm"}}`, 1)
	unlabelled := strings.Replace(customers, `{"name":"customers"}`, `{"name":"orders"}`, 1)
	for name, r := range map[string]struct {
		method, path, body string
		want               int
	}{
		"its import":                    {"GET", "/v1/imports/orders", "", 200},
		"another import":                {"GET", "/v1/imports/customers", "", 403},
		"an import that is not there":   {"GET", "/v1/imports/nobody", "", 403},
		"another's run":                 {"GET", "/v1/runs/customers.1", "", 403},
		"another's rejects":             {"GET", "/v1/rejects?import=customers", "", 403},
		"another's, hidden behind own":  {"GET", "/v1/rejects?import=orders&run=customers.1", "", 403},
		"its rejects":                   {"GET", "/v1/rejects?import=orders", "", 200},
		"another's pause":               {"POST", "/v1/imports/customers/pause", "", 403},
		"its pause":                     {"POST", "/v1/imports/orders/pause", "", 202},
		"its definition":                {"POST", "/v1/apply?offline=true", `{"documents":[` + strings.Replace(orders, "Email", "email", 1) + `]}`, 200},
		"another's definition":          {"POST", "/v1/apply?offline=true", `{"documents":[` + customers + `]}`, 403},
		"taking one in by a label":      {"POST", "/v1/apply?offline=true", `{"documents":[` + stolen + `]}`, 403},
		"giving one away":               {"POST", "/v1/apply?offline=true", `{"documents":[` + unlabelled + `]}`, 403},
		"another's preview":             {"POST", "/v1/preview", `{"import":"customers"}`, 403},
		"a key without a selector":      {"POST", "/v1/keys", `{"name":"all","role":"admin"}`, 403},
		"the audit":                     {"GET", "/v1/audit", "", 403},
		"a connection":                  {"DELETE", "/v1/connections/warehouse", "", 403},
		"a connection that is the same": {"POST", "/v1/apply?offline=true", `{"documents":[` + connection + `]}`, 200},
		"a connection that is changed":  {"POST", "/v1/apply?offline=true", `{"documents":[` + strings.Replace(connection, "TAPLINE", "ROOT", 1) + `]}`, 403},
	} {
		if a := c.as(crm, r.method, r.path, r.body); a.status != r.want {
			t.Errorf("%s = %d, want %d: %s", name, a.status, r.want, a.text)
		}
	}
}

// TestEditorChoosesNoHostAndNoSecret: whoever writes SQL may neither apply a
// connection or an account of their own, nor have one asked that is not applied.
func TestEditorChoosesNoHostAndNoSecret(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t, func(cfg *Config) { cfg.CheckTimeout = time.Minute })
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	editor := c.writeKey("editor", schemas.AccessKeySpec{Role: "editor"})
	analyst := c.writeKey("analyst", schemas.AccessKeySpec{Role: "analyst"})
	if a := c.as(admin, "POST", "/v1/apply?offline=true", `{"documents":[`+connection+","+account+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	theirs := strings.Replace(connection, "ref+env://PW", "ref+env://AWS_SECRET", 1)
	for name, r := range map[string]struct{ key, path, body string }{
		"apply of a connection":     {editor, "/v1/apply", theirs + "," + customers},
		"a check with a connection": {editor, "/v1/apply?checkOnly=true", theirs + "," + customers},
		"preview with a connection": {editor, "/v1/preview", theirs + "," + customers},
		"an account":                {editor, "/v1/apply?offline=true", strings.Replace(account, "ref+env://PASS", "ref+env://AWS", 1)},
		"a key as a document":       {editor, "/v1/apply?offline=true", `{"apiVersion":"tapline.dev/v1alpha1","kind":"AccessKey","metadata":{"name":"mine"},"spec":{"role":"admin"}}`},
		"an analyst's own SQL":      {analyst, "/v1/preview", customers},
	} {
		a := c.as(r.key, "POST", r.path, `{"documents":[`+r.body+`]}`)
		want := http.StatusForbidden
		if name == "a key as a document" {
			want = http.StatusUnprocessableEntity
		}
		if a.status != want {
			t.Errorf("%s = %d %s", name, a.status, a.text)
		}
	}
	if n := c.written()[c.topics.Commands()]; n != 0 {
		t.Errorf("%d questions went to the extractor", n)
	}
	if a := c.as(editor, "POST", "/v1/apply?offline=true", `{"documents":[`+connection+","+customers+`]}`); a.status != http.StatusOK {
		t.Errorf("an import beside an unchanged connection = %d %s", a.status, a.text)
	}
}

// TestAudit: changes and looks at rows are written with who, from where and by
// which request, and can be listed; the client's own word for who it is does not
// count.
func TestAudit(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	applied := c.do("POST", "/v1/apply", `{"documents":[`+connection+","+account+","+customers+`]}`, "Authorization", "Bearer "+admin, "Tapline-Actor", "somebody-else")
	shown := c.as(admin, "GET", "/v1/rejects?import=customers", "")
	if applied.status != http.StatusOK || shown.status != http.StatusOK {
		t.Fatalf("apply = %d, rejects = %d", applied.status, shown.status)
	}
	var page struct{ Items []schemas.AuditEntry }
	list := c.as(admin, "GET", "/v1/audit?name=customers", "")
	if err := json.Unmarshal([]byte(list.text), &page); err != nil || len(page.Items) != 2 {
		t.Fatalf("audit = %d %s", list.status, list.text)
	}
	for i, want := range []struct{ action, request string }{
		{schemas.AuditApply, applied.header.Get("X-Request-Id")}, {schemas.AuditRead, shown.header.Get("X-Request-Id")},
	} {
		e := page.Items[i]
		if e.Action != want.action || e.Actor != "key:admin" || e.Role != "admin" || e.From != "127.0.0.1" || e.RequestID != want.request || want.request == "" {
			t.Errorf("entry %d is %+v, want %+v", i, e, want)
		}
	}
	for query, want := range map[string]int{
		"": 4, "?action=read": 1, "?actor=key:admin": 4, "?actor=somebody-else": 0, "?since=2099-01-01T00:00:00Z": 0,
		"?until=2020-01-01T00:00:00Z": 0, "?pageSize=3": 3, "?since=0262-03-24T19:45:30Z": 4, "?since=1969-12-31T23:59:59.999Z": 4,
	} {
		a := c.as(admin, "GET", "/v1/audit"+query, "")
		if err := json.Unmarshal([]byte(a.text), &page); err != nil || len(page.Items) != want {
			t.Errorf("audit%s = %d with %d entries, want %d: %s", query, a.status, len(page.Items), want, a.text)
		}
	}
	first := c.as(admin, "GET", "/v1/audit?pageSize=3", "")
	rest := c.as(admin, "GET", fmt.Sprintf("/v1/audit?pageSize=3&pageToken=%v", first.body["nextPageToken"]), "")
	if items, _ := rest.body["items"].([]any); len(items) != 1 || rest.body["nextPageToken"] != "" {
		t.Errorf("the second page is %s", rest.text)
	}
	lines := c.do("GET", "/v1/audit", "", "Authorization", "Bearer "+admin, "Accept", ndjson)
	if n := strings.Count(lines.text, "\n"); n != 4 || lines.header.Get("Content-Type") != ndjson {
		t.Errorf("as NDJSON %d lines: %s", n, lines.text)
	}
}

const ndjson = "application/x-ndjson"

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

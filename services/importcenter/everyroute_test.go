package importcenter

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// What an operation leaves in the audit topic.
const (
	changes = 1 // one entry, of what was changed
	shows   = 2 // one entry, of whose rows were shown
	nothing = 3
)

// How an operation answers while Kafka does not.
const (
	unavailable = 1 // 503 kafka_unavailable, with Retry-After
	fromMemory  = 2 // what this replica has read, or Redis has
)

// routeCall is a valid request for an operation, and what comes of it.
type routeCall struct {
	id           string
	path, body   string // {freeze} is the name that create-freeze has given
	audit        int
	withoutKafka int
}

// header agrees to overwrite, and says what the body is.
func (r routeCall) header(method string) []string {
	header := []string{"If-Match", "*"}
	if method == http.MethodPatch {
		header = append(header, "Content-Type", "application/merge-patch+json")
	}
	return header
}

// routeCalls are all operations, in an order in which none takes away what a later one
// needs.
func routeCalls() []routeCall {
	document := `{"documents":[` + customers + `]}`
	changed := strings.Replace(customers, `{"name":"customers"}`, `{"name":"customers","owner":"crm"}`, 1)
	return []routeCall{
		{"list-imports", "/v1/imports", "", nothing, fromMemory},
		{"get-import", "/v1/imports/customers", "", nothing, fromMemory},
		{"list-generations", "/v1/imports/customers/generations", "", nothing, fromMemory},
		{"get-generation", "/v1/imports/customers/generations/1", "", nothing, unavailable},
		{"list-runs", "/v1/runs", "", nothing, fromMemory},
		{"get-run", "/v1/runs/customers.1", "", nothing, unavailable},
		{"get-import-stats", "/v1/imports/customers/stats", "", nothing, fromMemory},
		{"why-late", "/v1/imports/customers/why-late", "", nothing, fromMemory},
		{"get-import-schedule", "/v1/imports/customers/schedule", "", nothing, fromMemory},
		{"show-schedule", "/v1/schedule", customers, nothing, fromMemory},
		{"get-defaults", "/v1/defaults/common", "", nothing, fromMemory},
		{"list-defaults", "/v1/defaults", "", nothing, fromMemory},
		{"get-run-log", "/v1/runs/customers.1/log", "", nothing, unavailable},
		{"get-run-timeline", "/v1/runs/customers.1/timeline", "", nothing, unavailable},
		{"count-rejects", "/v1/rejects/counts?import=customers", "", nothing, unavailable},
		{"list-freezes", "/v1/freezes", "", nothing, fromMemory},
		{"list-approvals", "/v1/approvals", "", nothing, unavailable},
		{"get-approval", "/v1/approvals/none", "", nothing, unavailable},
		{"approve-approval", "/v1/approvals/none/approve", "", nothing, unavailable},
		{"decline-approval", "/v1/approvals/none/decline", "", nothing, unavailable},
		{"list-sign-in", "/v1/sign-in", "", nothing, fromMemory},
		{"get-caller", "/v1/caller", "", nothing, fromMemory},
		{"list-own-sessions", "/v1/caller/sessions", "", nothing, fromMemory},
		{"end-own-session", "/v1/caller/sessions/none", "", nothing, fromMemory},
		{"list-sessions", "/v1/sessions", "", nothing, fromMemory},
		{"end-session", "/v1/sessions/none", "", nothing, fromMemory},
		{"check-deployment", "/v1/deployment", "", nothing, fromMemory},
		{"compare-clocks", "/v1/deployment/clocks", "", nothing, unavailable}, // commands without an audit entry, as a test of a connection
		{"list-connections", "/v1/connections", "", nothing, fromMemory},
		{"get-connections", "/v1/connections/warehouse", "", nothing, fromMemory},
		{"list-accounts", "/v1/accounts", "", nothing, fromMemory},
		{"get-accounts", "/v1/accounts/clevertap", "", nothing, fromMemory},
		{"list-notifications", "/v1/notifications", "", nothing, fromMemory},
		{"get-notifications", "/v1/notifications/oncall", "", nothing, fromMemory},
		{"test-notification", "/v1/notifications/oncall/test", "", changes, unavailable}, // what it has sent
		{"list-keys", "/v1/keys", "", nothing, unavailable},
		{"list-audit", "/v1/audit", "", nothing, unavailable},
		{"list-secrets", "/v1/secrets", "", nothing, unavailable},
		{"count-suppressions", "/v1/accounts/clevertap/suppressions", "", nothing, unavailable},
		{"plan", "/v1/plan", document, nothing, unavailable},
		{"plan-deletion", "/v1/imports/customers/deletion?topics=remove", "", nothing, unavailable},
		{"plan-action", "/v1/imports/customers/actions/plan", `{"action":"reset"}`, nothing, unavailable},
		{"plan-replay", "/v1/imports/customers/replays/plan", "{}", nothing, unavailable},
		{"try-mapping", "/v1/mappings/try", `{"documents":[` + customers + `],"columns":[{"name":"EMAIL","type":"TEXT"},{"name":"CUSTOMER_ID","type":"TEXT"}],"rows":[]}`, nothing, fromMemory},
		{"suggest-mapping", "/v1/mappings/suggest", `{"documents":[` + customers + `],"columns":[{"name":"EMAIL","type":"TEXT"},{"name":"CUSTOMER_ID","type":"TEXT"}],"rows":[]}`, nothing, fromMemory},

		{"list-rejects", "/v1/rejects?import=customers", "", shows, unavailable},
		{"export-rejects", "/v1/rejects/export?import=customers", "", shows, unavailable},
		{"list-rows", "/v1/runs/customers.1/rows", "", shows, unavailable},
		{"export-rows", "/v1/runs/customers.1/rows/export", "", shows, unavailable},
		{"open-row", "/v1/runs/customers.1/rows/records-0-0", "", shows, unavailable},
		{"why", "/v1/imports/customers/why", `{"identity":"1"}`, shows, unavailable},
		{"get-dry-run", "/v1/dryruns/customers.d1", "", shows, unavailable},
		{"get-verification", "/v1/verifications/customers.d2", "", shows, unavailable},
		{"start-repair", "/v1/verifications/customers.d2/repair", "", nothing, unavailable}, // it has found nobody to repair; else as start-replay
		{"preview", "/v1/preview", `{"import":"customers"}`, shows, unavailable},
		{"check-suppressions", "/v1/accounts/clevertap/suppressions/check", `{"identities":["1"]}`, shows, unavailable},

		{"describe", "/v1/describe", document, nothing, unavailable},
		{"list-tables", "/v1/connections/warehouse/tables", "", nothing, unavailable},
		{"test-connection", "/v1/connections/warehouse/test", "", nothing, unavailable},
		{"test-account", "/v1/accounts/clevertap/test", "", nothing, unavailable},

		{"apply", "/v1/apply", `{"documents":[` + changed + `]}`, changes, unavailable},
		{"put-import", "/v1/imports/customers", customers, changes, unavailable},
		{"patch-import", "/v1/imports/customers", `{"metadata":{"owner":"growth"}}`, changes, unavailable},
		{"clone-import", "/v1/imports/customers/clone", `{"name":"copy"}`, changes, unavailable},
		{"start-run", "/v1/imports/customers/runs", "", changes, unavailable},
		{"start-dry-run", "/v1/imports/customers/dryruns", "{}", changes, unavailable},
		{"start-verification", "/v1/imports/customers/verifications", "{}", changes, unavailable},
		{"sync-dry-run", "/v1/dryruns/customers.d1/sync", "", changes, unavailable},
		{"start-backfill", "/v1/imports/customers/backfills", `{"from":"2026-01-01","to":"2026-02-01"}`, changes, unavailable},
		{"start-resend", "/v1/imports/customers/resends", `{"first":1,"last":1}`, changes, unavailable},
		{"start-reconciliation", "/v1/imports/customers/reconciliations", "{}", nothing, unavailable}, // it has no watermark
		{"start-replay", "/v1/imports/customers/replays", "{}", changes, unavailable},
		{"plan-run", "/v1/imports/customers/planned-runs", `{"at":"2126-01-01T00:00:00Z"}`, changes, unavailable},
		{"cancel-planned-run", "/v1/imports/customers/planned-runs/2126-01-01T00:00:00Z", "", changes, unavailable},
		{"cancel-run", "/v1/runs/customers.2/cancel", "", changes, unavailable},
		{"approve-run", "/v1/runs/customers.2/approve", "", changes, unavailable},
		{"decline-run", "/v1/runs/customers.2/decline", "", changes, unavailable},
		{"dismiss-rejects", "/v1/imports/customers/rejects/dismiss", "", changes, unavailable},
		{"pause-import", "/v1/imports/customers/pause", "", changes, unavailable},
		{"resume-import", "/v1/imports/customers/resume", "", changes, unavailable},
		{"stop-import", "/v1/imports/customers/stop", "", changes, unavailable},
		{"reset-import", "/v1/imports/customers/reset", "", changes, unavailable},
		{"create-freeze", "/v1/freezes", `{"account":"clevertap","reason":"incident"}`, changes, unavailable},
		{"delete-freeze", "/v1/freezes/{freeze}", "", changes, unavailable},
		{"add-suppressions", "/v1/accounts/clevertap/suppressions/add", `{"identities":["1"]}`, changes, unavailable},
		{"remove-suppressions", "/v1/accounts/clevertap/suppressions/remove", `{"identities":["1"]}`, changes, unavailable},
		{"put-secret", "/v1/secrets/clevertap/main", `{"value":"hush"}`, changes, unavailable},
		{"delete-secret", "/v1/secrets/clevertap/main", "", changes, unavailable},
		{"create-key", "/v1/keys", `{"name":"ci","role":"viewer"}`, changes, unavailable},
		{"revoke-key", "/v1/keys/ci", "", changes, unavailable},
		{"put-defaults", "/v1/defaults/common", strings.Replace(commonDefaults, "UTC", "Asia/Kolkata", 1), changes, unavailable},
		{"patch-defaults", "/v1/defaults/common", `{"spec":{"timezone":"UTC"}}`, changes, unavailable},
		{"put-connections", "/v1/connections/warehouse", strings.Replace(connection, "TAPLINE", "LOADER", 1), changes, unavailable},
		{"patch-connections", "/v1/connections/warehouse", `{"spec":{"user":"TAPLINE"}}`, changes, unavailable},
		{"put-accounts", "/v1/accounts/clevertap", strings.Replace(account, "in1", "eu1", 1), changes, unavailable},
		{"patch-accounts", "/v1/accounts/clevertap", `{"spec":{"region":"in1"}}`, changes, unavailable},
		{"unmanage-import", "/v1/imports/gits/unmanage", "", changes, unavailable},
		{"unmanage-connections", "/v1/connections/gits/unmanage", "", changes, unavailable},
		{"unmanage-accounts", "/v1/accounts/gits/unmanage", "", changes, unavailable},
		{"unmanage-defaults", "/v1/defaults/gits/unmanage", "", changes, unavailable},
		{"unmanage-notifications", "/v1/notifications/gits/unmanage", "", changes, unavailable},
		{"acknowledge-import", "/v1/imports/customers/acknowledgement", `{"until":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`, changes, unavailable},
		{"unacknowledge-import", "/v1/imports/customers/acknowledgement", "", changes, unavailable},
		{"put-notifications", "/v1/notifications/oncall", strings.Replace(oncall, "/a", "/b", 1), changes, unavailable},
		{"patch-notifications", "/v1/notifications/oncall", `{"metadata":{"displayName":"On call"}}`, changes, unavailable},
		{"delete-notifications", "/v1/notifications/oncall", "", changes, unavailable},
		{"delete-import", "/v1/imports/customers?topics=keep&cancelActive=true", "", changes, unavailable},
		{"delete-defaults", "/v1/defaults/common", "", changes, unavailable},
		{"delete-connections", "/v1/connections/spare", "", changes, unavailable},
		{"delete-accounts", "/v1/accounts/spare", "", changes, unavailable},
	}
}

// oncall is told at an address where nobody listens.
const oncall = `{"apiVersion":"tapline.dev/v1alpha1","kind":"Notification","metadata":{"name":"oncall"},"spec":{"webhook":{"url":"http://127.0.0.1:1/a","secret":"ref+env://TAPLINE_SECRET_HOOK"}}}`

const commonDefaults = `{"apiVersion":"tapline.dev/v1alpha1","kind":"ImportDefaults","metadata":{"name":"common"},"spec":{"timezone":"UTC"}}`

// fillForRoutes applies what routeCalls are about.
func (c *center) fillForRoutes(key string) {
	c.t.Helper()
	named := func(document, from, to string) string {
		return strings.Replace(document, `"name":"`+from+`"`, `"name":"`+to+`"`, 1)
	}
	for _, set := range []struct {
		managed   string
		documents []string
	}{
		{"", []string{connection, account, customers, commonDefaults, oncall, named(connection, "warehouse", "spare"), named(account, "clevertap", "spare")}},
		{`,"managedBy":{"tool":"git","source":"https://git.example.com/crm"}`, []string{
			named(connection, "warehouse", "gits"), named(account, "clevertap", "gits"), named(customers, "customers", "gits"), named(commonDefaults, "common", "gits"), named(oncall, "oncall", "gits"),
		}},
	} {
		if a := c.as(key, "POST", "/v1/apply?offline=true", `{"documents":[`+strings.Join(set.documents, ",")+`]`+set.managed+`}`); a.status != http.StatusOK {
			c.t.Fatalf("apply = %d %s", a.status, a.text)
		}
	}
	// A replay waits until the scheduler has taken in the newest definition.
	c.is(schemas.State{Import: "customers", Generation: 1000, LastNumber: 2, Active: &schemas.ActiveRun{
		Run: "customers.2", Number: 2, State: schemas.StateHeld, HeldBecause: &schemas.Hold{Code: schemas.HoldTooManyRows},
	}})
	var applied schemas.Definition
	if err := json.Unmarshal([]byte(c.as(key, "GET", "/v1/imports/customers", "").text), &applied); err != nil {
		c.t.Fatal(err)
	}
	c.sampled(applied.Spec)
	c.produceAs(c.topics.State(), "customers.d2", schemas.State{Import: "customers", Sample: &schemas.Sample{
		Run: "customers.d2", Attempt: 1, Spec: applied.Spec, TakenAt: time.Now(), Verify: &schemas.Verify{},
	}})
	c.produce(c.topics.Rejects(), schemas.Reject{
		Stage: schemas.StageMap, Import: "customers", Run: "customers.1", Attempt: 1, ID: "1.1.1", Code: "email_invalid", Time: time.Now(),
		Row: json.RawMessage(`{"CUSTOMER_ID":"1","EMAIL":"a"}`),
	})
	c.produce(c.topics.Runs(), schemas.Run{Run: "customers.d2", Import: "customers", Mode: schemas.ModeDryRun, State: schemas.StateSucceeded},
		schemas.Run{Run: "customers.d1", Import: "customers", Mode: schemas.ModeDryRun, State: schemas.StateSucceeded},
		schemas.Run{Run: "customers.1", Import: "customers", State: schemas.StateSucceeded, Counts: schemas.Counts{Loaded: 1}})
}

// methods are the methods of the operations that the API serves.
func (c *center) methods(calls []routeCall) map[string]string {
	c.t.Helper()
	out := map[string]string{}
	for _, op := range c.operations() {
		out[op.id] = op.method
		streams := strings.HasPrefix(op.id, "follow-") // TestFollowRun, TestFollowImports
		if !streams && !slices.ContainsFunc(calls, func(r routeCall) bool { return r.id == op.id }) {
			c.t.Errorf("%s has no entry in routeCalls", op.id)
		}
	}
	return out
}

// TestEveryRouteIsAudited: each operation that writes leaves one entry in the audit, and so
// does each that shows personal data; no other leaves one.
func TestEveryRouteIsAudited(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t, func(cfg *Config) {
		cfg.Secrets.Store, cfg.Suppression.Keys = filepath.Join(t.TempDir(), "store"), testKey
		cfg.AllowCustomEndpoints = true // of the notification
	})
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	c.fillForRoutes(admin)
	calls := routeCalls()
	methods := c.methods(calls)
	freeze := ""
	for _, r := range calls {
		r.path = strings.Replace(r.path, "{freeze}", freeze, 1)
		before := len(c.log(c.topics.Audit(), 0))
		a := c.as(admin, methods[r.id], r.path, r.body, r.header(methods[r.id])...)
		entries := c.log(c.topics.Audit(), 0)[before:]
		want := 1
		if r.audit == nothing {
			want = 0
		}
		if r.id == "create-freeze" {
			freeze, _ = a.body["name"].(string)
		}
		if len(entries) != want || want == 1 && !strings.Contains(entries[0], `"actor":"key:admin"`) {
			t.Errorf("%s = %d leaves %d entries: %s\n%.300s", r.id, a.status, len(entries), strings.Join(entries, "\n"), a.text)
		}
		if read := strings.Contains(strings.Join(entries, ""), `"action":"read"`); read != (r.audit == shows) {
			t.Errorf("%s: an entry of reading: %v", r.id, read)
		}
		if route := access.Routes[r.id]; route.ShowsRows && r.audit != shows {
			t.Errorf("%s shows rows and is not audited as reading", r.id)
		}
		if a.status >= http.StatusInternalServerError && a.status != http.StatusGatewayTimeout {
			t.Errorf("%s = %d %s", r.id, a.status, a.text)
		}
	}
}

// TestEveryRouteWithoutKafka: each operation that needs Kafka is refused with 503 and
// Retry-After while Kafka does not answer, and has written nothing; each that does not
// need it answers as ever.
func TestEveryRouteWithoutKafka(t *testing.T) {
	t.Parallel()
	network := kafkatest.NewOutage()
	c := startService(t, func(cfg *Config) {
		keysOnly(cfg)
		cfg.Secrets.Store, cfg.Suppression.Keys = filepath.Join(t.TempDir(), "store"), testKey
		cfg.AllowCustomEndpoints = true // of the notification
		cfg.AnswerTimeout, cfg.PreviewTimeout = time.Second, time.Second
		cfg.HTTP.RequestsPerMinute = 10_000
	}, func(s *Service) { s.kafka.Dial, s.patience = network.Dial, 300*time.Millisecond })
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	c.fillForRoutes(admin)
	calls := routeCalls()
	methods, written := c.methods(calls), c.written()
	network.Begin()
	for _, r := range calls {
		began := time.Now()
		a := c.as(admin, methods[r.id], r.path, r.body, r.header(methods[r.id])...)
		t.Logf("%s = %d after %s", r.id, a.status, time.Since(began))
		refused := a.status == http.StatusServiceUnavailable && a.body["code"] == "kafka_unavailable" && a.header.Get("Retry-After") != ""
		if refused != (r.withoutKafka == unavailable) || a.status >= http.StatusInternalServerError && !refused {
			t.Errorf("%s = %d, Retry-After %q: %.300s", r.id, a.status, a.header.Get("Retry-After"), a.text)
		}
	}
	network.End()
	eventually(t, func() bool { return c.as(admin, "GET", "/v1/audit", "").status == http.StatusOK })
	if diff := cmp.Diff(written, c.written()); diff != "" {
		t.Errorf("refused requests have written (-before +after):\n%s", diff)
	}
}

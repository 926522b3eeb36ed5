package importcenter

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

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

// TestEveryRouteWithEveryRole calls each route with each role, without a credential and with
// invalid ones, and compares the answers with the table.
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
			if strings.HasPrefix(op.id, "follow-") {
				if status := c.streamStatus(keys[role], op.path); status == http.StatusUnauthorized || status == http.StatusForbidden {
					t.Errorf("%s as %s = %d", op.id, role, status)
				}
				continue
			}
			if a := c.as(keys[role], op.method, op.path, bodyOf(op)); a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
				t.Errorf("%s as %s = %d %s", op.id, role, a.status, a.text)
			}
		}
	}
	for _, path := range []string{"/v1/imports/customers?topics=keep", "/v1/connections/warehouse", "/v1/accounts/clevertap", "/v1/keys/viewer"} {
		if a := c.as(keys[access.Admin], "DELETE", path, "", "If-Match", "*"); a.status >= http.StatusMultipleChoices {
			t.Errorf("DELETE %s as admin = %d %s", path, a.status, a.text)
		}
	}
}

// streamStatus is the status of an answer that does not end.
func (c *center) streamStatus(key, path string) int {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+path, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = res.Body.Close() // it goes on for ever
	return res.StatusCode
}

func bodyOf(op operation) string {
	switch {
	case op.id == "preview":
		return `{"import":"customers"}`
	case op.method == http.MethodPost || op.method == http.MethodPut || op.method == http.MethodPatch:
		return "{}"
	}
	return ""
}

// TestSelector: a key with a selector reads and changes its own imports, and nothing that
// concerns all imports.
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

// TestEditorChoosesNoHostAndNoSecret: an editor, who writes SQL, can neither apply a
// connection or an account, nor test or preview with one that is not applied.
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

// TestAfterTellsNothing: after: is answered the same for an import outside of the caller's
// selector as for one that is nowhere; one that an own import waits for already stays.
func TestAfterTellsNothing(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	crm := c.writeKey("crm", schemas.AccessKeySpec{Role: "editor", Selector: &schemas.Selector{Labels: map[string]string{"team": "crm"}}})
	orders := func(after string) string {
		text := strings.Replace(customers, `{"name":"customers"}`, `{"name":"orders","labels":{"team":"crm"}}`, 1)
		return strings.Replace(text, `"mapping"`, `"after":[`+after+`],"mapping"`, 1)
	}
	apply := func(key, documents string) answer {
		return c.as(key, "POST", "/v1/apply?offline=true", `{"documents":[`+documents+`]}`)
	}
	if a := apply(admin, connection+","+account+","+customers); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	there, nowhere := apply(crm, orders(`"customers"`)), apply(crm, orders(`"nobodys00"`))
	if there.status != http.StatusUnprocessableEntity || strings.ReplaceAll(there.text, "customers", "nobodys00") != strings.ReplaceAll(nowhere.text, "customers", "nobodys00") {
		t.Errorf("outside %d %s\nnowhere %d %s", there.status, there.text, nowhere.status, nowhere.text)
	}
	if a := apply(admin, orders(`"customers"`)); a.status != http.StatusOK {
		t.Fatalf("apply by the admin = %d %s", a.status, a.text)
	}
	if a := apply(crm, strings.Replace(orders(`"customers"`), "Email", "Name", 1)); a.status != http.StatusOK {
		t.Errorf("another change of the import that waits = %d %s", a.status, a.text)
	}
}

// TestEveryRouteWithASelector calls each route that names an import, and each that concerns
// the whole deployment, with a key that is bounded to another import: all are refused with
// the same text whether there is such an import or not, the lists leave the others out,
// and no answer names an import that the selector excludes.
func TestEveryRouteWithASelector(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	orders := strings.Replace(customers, `"name":"customers"`, `"name":"orders-1"`, 1)
	secret := strings.Replace(customers, `"name":"customers"`, `"name":"orders-secret"`, 1)
	body := `{"documents":[` + strings.Join([]string{connection, account, customers, orders, secret}, ",") + `]}`
	if a := c.as(admin, "POST", "/v1/apply", body); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	bounded := c.writeKey("bounded", schemas.AccessKeySpec{Role: "admin", Selector: &schemas.Selector{Names: []string{"orders-[0-9]"}}})
	before := c.written()
	for _, op := range c.operations() {
		route := access.Routes[op.id]
		if route.Scope != access.ScopeNamed && route.Scope != access.ScopeWhole {
			continue
		}
		texts := map[string]bool{}
		for _, other := range []string{"customers", "nobodies-1"} {
			path := strings.ReplaceAll(op.path, "customers", other)
			if route.Scope == access.ScopeNamed && !strings.Contains(path, other) {
				path += "?import=" + other
			}
			a := c.as(bounded, op.method, path, "")
			if a.status != http.StatusForbidden {
				t.Errorf("%s: %s %s = %d %s", op.id, op.method, path, a.status, a.text)
			}
			detail, _ := a.body["detail"].(string)
			texts[strings.ReplaceAll(detail, other, "X")] = true
		}
		if len(texts) != 1 {
			t.Errorf("%s tells which imports there are: %v", op.id, texts)
		}
	}
	for name, r := range map[string]struct {
		method, path, body string
		want               int
	}{
		"a clone of another's":                {"POST", "/v1/imports/customers/clone", `{"name":"orders-2"}`, 403},
		"a clone that leaves the selector":    {"POST", "/v1/imports/orders-1/clone", `{"name":"customers-2"}`, 403},
		"a clone over another's":              {"POST", "/v1/imports/orders-1/clone", `{"name":"customers"}`, 403},
		"a clone within it":                   {"POST", "/v1/imports/orders-1/clone", `{"name":"orders-2"}`, 201},
		"a plan for another's":                {"POST", "/v1/plan?offline=true", `{"documents":[` + customers + `]}`, 403},
		"an import that waits for another's":  {"POST", "/v1/apply?offline=true", `{"documents":[` + strings.Replace(orders, `"mapping"`, `"after":["customers"],"mapping"`, 1) + `]}`, 422},
		"another's schedule":                  {"POST", "/v1/schedule", customers, 403},
		"all runs":                            {"GET", "/v1/runs", "", 200},
		"another's runs":                      {"GET", "/v1/runs?import=customers", "", 403},
		"runs of nobody":                      {"GET", "/v1/runs?import=nobodies-1", "", 403},
		"a typing mistake beside another's":   {"GET", "/v1/imports/orders-9", "", 404},
		"another's run in an own import":      {"GET", "/v1/rejects?import=orders-1&run=customers.1", "", 403},
		"rejects of another's dry run":        {"GET", "/v1/rejects?run=customers.d1", "", 403},
		"the approvals":                       {"GET", "/v1/approvals", "", 200},
		"a name with a blank before it":       {"GET", "/v1/imports/%20customers", "", 403},
		"another's, as a run of its own name": {"GET", "/v1/runs/orders-1.customers.1", "", 404},
	} {
		a := c.as(bounded, r.method, r.path, r.body)
		if a.status != r.want {
			t.Errorf("%s = %d, want %d: %s", name, a.status, r.want, a.text)
		}
		if strings.Contains(a.text, "orders-secret") || strings.Contains(a.text, `"customers"`) {
			t.Errorf("%s names what the selector excludes: %s", name, a.text)
		}
	}
	events, status := c.follow("/v1/imports/events", "Authorization", "Bearer "+bounded)
	if e := next(t, events); status != http.StatusOK || !strings.Contains(e.data, "orders-1") || strings.Contains(e.data, "orders-secret") || strings.Contains(e.data, `"import":"customers"`) {
		t.Errorf("the listing's stream = %d %s", status, e.data)
	}
	after := c.written()
	delete(before, c.topics.Imports())
	delete(after, c.topics.Imports()) // the clone
	if before[c.topics.Commands()] != after[c.topics.Commands()] || before[c.topics.Resources()] != after[c.topics.Resources()] {
		t.Errorf("refused requests have written: %v, before %v", after, before)
	}
}

// TestNarrowedRoles: a deployment lets an operation need a higher role than it has, and
// can open none.
func TestNarrowedRoles(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t, func(cfg *Config) { cfg.Auth.Require = []string{"pause-import=admin", "list-rejects=editor"} })
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	operator, analyst := c.writeKey("operator", schemas.AccessKeySpec{Role: "operator"}), c.writeKey("analyst", schemas.AccessKeySpec{Role: "analyst"})
	if a := c.as(admin, "POST", "/v1/apply", `{"documents":[`+connection+","+account+","+customers+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	for name, r := range map[string]struct {
		key, method, path string
		want              int
	}{
		"an operator's pause":    {operator, "POST", "/v1/imports/customers/pause", 403},
		"an operator's resume":   {operator, "POST", "/v1/imports/customers/resume", 202},
		"an analyst's rejects":   {analyst, "GET", "/v1/rejects?import=customers", 403},
		"an admin's pause":       {admin, "POST", "/v1/imports/customers/pause", 202},
		"an operator's listing":  {operator, "GET", "/v1/imports", 200},
		"a pause without a key":  {"", "POST", "/v1/imports/customers/pause", 401},
		"an admin's own rejects": {admin, "GET", "/v1/rejects?import=customers", 200},
		"an operator's rejects":  {operator, "GET", "/v1/rejects?import=customers", 403},
	} {
		if a := c.as(r.key, r.method, r.path, ""); a.status != r.want {
			t.Errorf("%s = %d, want %d: %s", name, a.status, r.want, a.text)
		}
	}
	for _, wrong := range []string{"pause-import=viewer", "pause-import=operator", "pause=admin", "pause-import", "pause-import=root"} {
		cfg := defaultAuth()
		cfg.Require = []string{wrong}
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "require") {
			t.Errorf("%s = %v", wrong, err)
		}
	}
}

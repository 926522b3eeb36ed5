package importcenter

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// labelled is a document with the label team: crm.
func labelled(document, name string) string {
	for _, was := range []string{"customers", "warehouse", "clevertap"} {
		if strings.Contains(document, `"metadata":{"name":"`+was+`"}`) {
			return strings.Replace(document, `"metadata":{"name":"`+was+`"}`, `"metadata":{"name":"`+name+`","labels":{"team":"crm"}}`, 1)
		}
	}
	panic("no such document")
}

func pruning(labels string, documents ...string) string {
	return strings.TrimSuffix(set(documents...), "}") + `,"prune":` + labels + `}`
}

// TestPrune removes what has the labels and is not named, and nothing else, as the plan
// has said.
func TestPrune(t *testing.T) {
	t.Parallel()
	c := start(t)
	spare := labelled(connection, "spare")
	c.apply(connection, account, spare, labelled(customers, "kept"), labelled(customers, "gone"), customers)
	body := pruning(`{"team":"crm"}`, labelled(customers, "kept"))
	p := c.plan(body)
	var outcomes []string
	for _, change := range p.Changes {
		outcomes = append(outcomes, change.Name+" "+change.Outcome)
	}
	if diff := cmp.Diff([]string{"kept unchanged", "gone removed", "spare removed"}, outcomes); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	if text := p.texts("gone"); !strings.Contains(text, "its watermark and its ledger are forgotten") || !strings.Contains(text, "keeps what it holds") {
		t.Errorf("consequences of the removal:\n%s", text)
	}
	if a := c.do("POST", "/v1/apply", body); a.status != http.StatusOK || strings.Count(a.text, `"removed"`) != 2 {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	for path, want := range map[string]int{
		"/v1/imports/gone": 404, "/v1/imports/kept": 200, "/v1/imports/customers": 200, "/v1/connections/spare": 404, "/v1/connections/warehouse": 200,
	} {
		if a := c.do("GET", path, ""); a.status != want {
			t.Errorf("GET %s = %d, want %d", path, a.status, want)
		}
	}
	audit := strings.Join(c.log(c.topics.Audit(), 0), "\n")
	if !strings.Contains(audit, `"action":"delete","kind":"Import","name":"gone"`) {
		t.Errorf("the audit is\n%s", audit)
	}
	if got := c.history("gone"); len(got) != 2 || !strings.HasPrefix(got[0], "2 delete") {
		t.Errorf("its history is %q", got)
	}
	before := c.written()
	if a := c.do("POST", "/v1/apply", body); a.status != http.StatusOK || strings.Contains(a.text, `"removed"`) {
		t.Errorf("apply again = %d %s", a.status, a.text)
	}
	if diff := cmp.Diff(before, c.written()); diff != "" {
		t.Errorf("applying again has written (-before +after):\n%s", diff)
	}
}

// TestPruneLeavesWhatIsUsed: nothing at all is done if something that would be removed is
// used by a run, or named by what stays.
func TestPruneLeavesWhatIsUsed(t *testing.T) {
	t.Parallel()
	c := start(t)
	spare := labelled(connection, "spare")
	onSpare := strings.Replace(customers, `"connectionRef":"warehouse"`, `"connectionRef":"spare"`, 1)
	c.apply(connection, account, spare, onSpare)
	refusedBy := func(what, says string, documents ...string) {
		t.Helper()
		before := c.written()
		for _, path := range []string{"/v1/plan", "/v1/apply"} {
			a := c.do("POST", path, pruning(`{"team":"crm"}`, documents...))
			if a.status != http.StatusConflict || a.body["code"] != "in_use" || !strings.Contains(a.text, says) {
				t.Errorf("%s: %s = %d %s", what, path, a.status, a.text)
			}
		}
		if diff := cmp.Diff(before, c.written()); diff != "" {
			t.Errorf("%s has written (-before +after):\n%s", what, diff)
		}
	}
	refusedBy("a connection that an import names", "customers", connection)

	// The import moves away in the same apply, but its active run still reads there.
	var active schemas.ActiveRun
	active.Run, active.Spec.Source.ConnectionRef = "customers.1", "spare"
	c.produce(c.topics.State(), schemas.State{Import: "customers", LastNumber: 1, Active: &active})
	eventually(t, func() bool {
		return c.do("DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", "*").status == http.StatusConflict
	})
	refusedBy("a connection that a run uses", "customers.1", customers)

	c.apply(labelled(customers, "customers"))
	refusedBy("an import with an active run", "customers.1", connection)
	c.produce(c.topics.State(), schemas.State{Import: "customers", LastNumber: 1})
	after := strings.Replace(strings.Replace(customers, `"name":"customers"`, `"name":"later"`, 1), `"mapping"`, `"after":["customers"],"mapping"`, 1)
	c.apply(after)
	refusedBy("an import that another one waits for", "later", connection)
}

// TestPruneOutsideOfOnesReach: a caller removes what it may delete, and nothing else.
func TestPruneOutsideOfOnesReach(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	keys := map[access.Role]string{}
	for _, role := range access.Roles() {
		keys[role] = c.writeKey(role.String(), schemas.AccessKeySpec{Role: role.String()})
	}
	spare, mine := labelled(connection, "spare"), strings.Replace(customers, `"name":"customers"`, `"name":"mine"`, 1)
	if a := c.as(keys[access.Admin], "POST", "/v1/apply?offline=true", set(connection, account, spare, mine, labelled(customers, "theirs"))); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	bounded := c.writeKey("bounded", schemas.AccessKeySpec{Role: "editor", Selector: &schemas.Selector{Names: []string{"mine"}}})
	before := c.written()
	for name, r := range map[string]struct{ key, body string }{
		"an editor prunes a connection":   {keys[access.Editor], pruning(`{"team":"crm"}`, mine)},
		"a bounded key prunes another's":  {bounded, pruning(`{"team":"crm"}`, mine)},
		"a viewer plans":                  {keys[access.Viewer], set(mine)},
		"an operator plans":               {keys[access.Operator], set(mine)},
		"an editor plans a connection":    {keys[access.Editor], set(strings.Replace(connection, "TAPLINE", "ROOT", 1))},
		"a bounded key plans another's":   {bounded, set(customers)},
		"nobody plans":                    {"", set(mine)},
		"an editor prunes, the rest same": {keys[access.Editor], pruning(`{"team":"crm"}`, mine, labelled(customers, "theirs"))},
	} {
		for _, path := range []string{"/v1/plan?offline=true", "/v1/apply?offline=true"} {
			if a := c.as(r.key, "POST", path, r.body); a.status != http.StatusForbidden && a.status != http.StatusUnauthorized {
				t.Errorf("%s: %s = %d %s", name, path, a.status, a.text)
			}
		}
	}
	if diff := cmp.Diff(before, c.written()); diff != "" {
		t.Errorf("refused requests have written (-before +after):\n%s", diff)
	}
}

// TestManagedByGit: what comes from Git is changed from there only, until an admin takes
// the mark off.
func TestManagedByGit(t *testing.T) {
	t.Parallel()
	c := start(t)
	const source = `,"managedBy":{"tool":"git","source":"https://git.example.com/growth"}}`
	git := func(documents ...string) answer {
		return c.do("POST", "/v1/apply", strings.TrimSuffix(set(documents...), "}")+source)
	}
	c.apply(connection, account, customers)
	if a := git(connection, customers); a.status != http.StatusOK || strings.Count(a.text, `"updated"`) != 2 {
		t.Fatalf("apply from Git = %d %s", a.status, a.text)
	}
	if a := git(connection, customers); a.status != http.StatusOK || strings.Count(a.text, `"unchanged"`) != 2 {
		t.Errorf("the same again = %d %s", a.status, a.text)
	}
	if a := c.apply(connection, account, customers); a.status != http.StatusOK || strings.Count(a.text, `"unchanged"`) != 3 {
		t.Errorf("a plain apply of the same = %d %s", a.status, a.text)
	}
	changed := strings.Replace(customers, "Email", "email", 1)
	before := c.written()
	other := strings.Replace(source, "growth", "crm", 1)
	for name, a := range map[string]answer{
		"a plain apply":          c.apply(changed),
		"a plan":                 c.do("POST", "/v1/plan", set(changed)),
		"another repository":     c.do("POST", "/v1/apply", strings.TrimSuffix(set(changed), "}")+other),
		"PUT":                    c.do("PUT", "/v1/imports/customers", changed, "If-Match", "*"),
		"PATCH":                  c.do("PATCH", "/v1/imports/customers", `{"spec":{"priority":1}}`, "If-Match", "*"),
		"DELETE":                 c.do("DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", "*"),
		"PATCH of a connection":  c.do("PATCH", "/v1/connections/warehouse", `{"spec":{"role":"R"}}`, "If-Match", "*"),
		"prune without the mark": c.do("POST", "/v1/apply", pruning(`{"team":"crm"}`, strings.Replace(changed, `{"name":"customers"}`, `{"name":"customers","labels":{"team":"crm"}}`, 1))),
	} {
		if a.status != http.StatusConflict || a.body["code"] != "managed_elsewhere" || !strings.Contains(a.text, "https://git.example.com/growth") {
			t.Errorf("%s = %d %s", name, a.status, a.text)
		}
	}
	if diff := cmp.Diff(before, c.written()); diff != "" {
		t.Errorf("refused changes have written (-before +after):\n%s", diff)
	}
	if a := git(changed); a.status != http.StatusOK {
		t.Errorf("a change from Git = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/pause", ""); a.status != http.StatusAccepted {
		t.Errorf("a command = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/unmanage", "", "Tapline-Actor", "omar"); a.status != http.StatusOK || strings.Contains(a.text, "managedBy") {
		t.Errorf("taking the mark off = %d %s", a.status, a.text)
	}
	audit := c.log(c.topics.Audit(), 0)
	if last := audit[len(audit)-1]; !strings.HasPrefix(last, "omar ") || !strings.Contains(last, `"managedBy":{"tool":"git","source":"https://git.example.com/growth"}`) {
		t.Errorf("the audit ends with %s", last)
	}
	before = c.written()
	if a := c.do("POST", "/v1/imports/customers/unmanage", ""); a.status != http.StatusOK {
		t.Errorf("taking it off again = %d %s", a.status, a.text)
	}
	if diff := cmp.Diff(before, c.written()); diff != "" {
		t.Errorf("taking it off again has written (-before +after):\n%s", diff)
	}
	if a := c.apply(customers); a.status != http.StatusOK {
		t.Errorf("a plain apply afterwards = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/connections/warehouse/unmanage", ""); a.status != http.StatusOK || strings.Contains(a.text, "managedBy") {
		t.Errorf("taking the connection's mark off = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/connections/nobody/unmanage", ""); a.status != http.StatusNotFound {
		t.Errorf("of a connection that there is not = %d %s", a.status, a.text)
	}
}

package importcenter

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

var guarded = strings.Replace(customers, `{"name":"customers"}`, `{"name":"customers","labels":{"tier":"gold"}}`, 1)

// twoPeople runs an Import Center whose imports of tier gold need two people.
type twoPeople struct {
	*center
	t                          *testing.T
	maya, omar, viewer, editor string // maya and omar are admins
}

func startGuarded(t *testing.T, edit ...func(*Config)) *twoPeople {
	t.Helper()
	c := startWithKeys(t, append(edit, func(cfg *Config) { cfg.Approvals.Labels = []string{"tier=gold"} })...)
	p := &twoPeople{center: c, t: t}
	for name, key := range map[string]*string{"maya": &p.maya, "omar": &p.omar} {
		*key = c.writeKey(name, schemas.AccessKeySpec{Role: "admin"})
	}
	p.viewer = c.writeKey("eve", schemas.AccessKeySpec{Role: "operator"})
	p.editor = c.writeKey("ed", schemas.AccessKeySpec{Role: "editor"})
	return p
}

func (p *twoPeople) documents(key string, documents ...string) answer {
	p.t.Helper()
	return p.as(key, "POST", "/v1/apply?offline=true", `{"documents":[`+strings.Join(documents, ",")+`]}`)
}

// waits returns the name of the approval for which a refused request waits.
func (p *twoPeople) waits(a answer) string {
	p.t.Helper()
	name, _ := a.body["approval"].(string)
	if a.status != http.StatusConflict || a.body["code"] != "approval_required" || name == "" || !strings.Contains(a.text, "tapline approvals approve "+name) {
		p.t.Fatalf("it does not wait: %d %s", a.status, a.text)
	}
	return name
}

func (p *twoPeople) decides(key, what, name string, want int) answer {
	p.t.Helper()
	a := p.as(key, "POST", "/v1/approvals/"+name+"/"+what, "")
	if a.status != want {
		p.t.Fatalf("%s of %s = %d %s, want %d", what, name, a.status, a.text, want)
	}
	return a
}

func (p *twoPeople) definitions() int {
	p.t.Helper()
	return len(p.log(p.topics.Imports(), schemas.ControlPartition("customers")))
}

func TestASecondPersonApplies(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	name := p.waits(p.documents(p.maya, connection, account, guarded))
	if again := p.waits(p.documents(p.maya, connection, account, guarded)); again != name {
		t.Errorf("the same wish waits as %s and as %s", name, again)
	}
	if p.definitions() != 0 || p.as(p.maya, "GET", "/v1/connections/warehouse", "").status != http.StatusNotFound {
		t.Error("a part of the set was applied")
	}
	list := p.as(p.viewer, "GET", "/v1/approvals", "")
	if !strings.Contains(list.text, name) || !strings.Contains(list.text, `"by":"key:maya"`) || strings.Contains(list.text, "select *") {
		t.Errorf("the list is %s", list.text)
	}
	if a := p.as(p.omar, "GET", "/v1/approvals/"+name, ""); !strings.Contains(a.text, "select * from customers") || !strings.Contains(a.text, `"outcome":"created"`) {
		t.Errorf("what it would do = %d %s", a.status, a.text)
	}
	if a := p.decides(p.maya, "approve", name, http.StatusForbidden); !strings.Contains(a.text, "asked for this yourself") {
		t.Errorf("one's own = %s", a.text)
	}
	p.decides(p.viewer, "approve", name, http.StatusForbidden) // an operator may not apply
	p.decides(p.editor, "approve", name, http.StatusForbidden) // nor an editor a connection
	p.decides(p.omar, "approve", name, http.StatusOK)
	if p.definitions() != 1 {
		t.Error("nothing was applied")
	}
	p.decides(p.omar, "approve", name, http.StatusNotFound)
	audit := strings.Join(p.log(p.topics.Audit(), 0), "\n")
	if !strings.Contains(audit, `"approvedBy":"key:omar"`) || !strings.Contains(audit, `"actor":"key:maya","action":"apply","kind":"Import"`) {
		t.Errorf("the audit is\n%s", audit)
	}
}

// TestALabelIsNotTakenOff: the author alone can neither remove the label nor delete or
// replace the import.
func TestALabelIsNotTakenOff(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	p.decides(p.omar, "approve", p.waits(p.documents(p.maya, connection, account, guarded)), http.StatusOK)

	off := p.waits(p.documents(p.maya, customers))
	deleted := p.waits(p.as(p.maya, "DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", "*"))
	p.waits(p.as(p.maya, "PUT", "/v1/imports/customers?offline=true", customers, "If-Match", "*"))
	if a := p.documents(p.maya, guarded); a.status != http.StatusOK {
		t.Errorf("what does not change = %d %s", a.status, a.text)
	}
	listing := p.as(p.viewer, "GET", "/v1/imports", "")
	if !strings.Contains(listing.text, `"approvals":[`) || !strings.Contains(listing.text, off) {
		t.Errorf("the listing is %s", listing.text)
	}
	p.decides(p.maya, "decline", off, http.StatusNoContent)
	p.decides(p.omar, "approve", off, http.StatusNotFound)
	p.decides(p.omar, "approve", deleted, http.StatusOK)
	if a := p.as(p.maya, "GET", "/v1/imports/customers", ""); a.status != http.StatusNotFound {
		t.Errorf("after the delete = %d", a.status)
	}
	if a := p.documents(p.maya, customers); a.status != http.StatusOK {
		t.Errorf("an import without the label = %d %s", a.status, a.text)
	}
}

// TestWhatHasChangedIsNotApproved: an approval is for the definitions as they were when it
// was asked for.
func TestWhatHasChangedIsNotApproved(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	p.decides(p.omar, "approve", p.waits(p.documents(p.maya, connection, account, guarded)), http.StatusOK)
	first := p.waits(p.documents(p.maya, strings.Replace(guarded, "select *", "select a", 1)))
	second := p.waits(p.documents(p.omar, strings.Replace(guarded, "select *", "select b", 1)))
	p.decides(p.maya, "approve", second, http.StatusOK)
	if a := p.decides(p.omar, "approve", first, http.StatusConflict); a.body["code"] != "changed_meanwhile" {
		t.Errorf("a change of what is not there any more = %s", a.text)
	}
}

func TestASecondPersonResets(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	p.decides(p.omar, "approve", p.waits(p.documents(p.maya, connection, production, strings.Replace(guarded, "Email", "email", 1))), http.StatusOK)
	if a := p.as(p.maya, "POST", "/v1/imports/customers/reset", ""); a.status != http.StatusPreconditionRequired {
		t.Fatalf("a reset asks first: %d %s", a.status, a.text)
	}
	name := p.waits(p.as(p.maya, "POST", "/v1/imports/customers/reset?confirm=clevertap", ""))
	if n := p.commandsOf("reset"); n != 0 {
		t.Fatalf("%d resets before the second person", n)
	}
	p.decides(p.viewer, "approve", name, http.StatusOK) // an operator may reset
	if n := p.commandsOf("reset"); n != 1 {
		t.Errorf("%d resets", n)
	}

	p.is(schemas.State{Import: "customers", LastNumber: 1, Active: &schemas.ActiveRun{
		Run: "customers.1", Number: 1, State: schemas.StateHeld, HeldBecause: &schemas.Hold{Code: schemas.HoldEventsRepeat, Records: 5},
	}})
	var held answer
	eventually(t, func() bool {
		held = p.as(p.maya, "POST", "/v1/runs/customers.1/approve", "")
		return held.body["code"] != "run_not_held"
	})
	if a := p.as(p.maya, "POST", "/v1/runs/customers.1/decline", ""); a.status != http.StatusAccepted {
		t.Errorf("ending a held run = %d %s", a.status, a.text)
	}
	p.decides(p.omar, "approve", p.waits(held), http.StatusOK)
	if n := p.commandsOf("approve"); n != 1 {
		t.Errorf("%d approvals of the held run", n)
	}
}

func (p *twoPeople) commandsOf(kind string) (n int) {
	p.t.Helper()
	for _, record := range p.log(p.topics.Commands(), schemas.ControlPartition("customers")) {
		n += strings.Count(record, `"kind":"`+kind+`"`)
	}
	return n
}

// TestApprovalsExpire: the next approval removes the expired ones.
func TestApprovalsExpire(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	raw := []byte(`{"action":"delete","imports":{"customers":0},"by":"key:maya","role":"admin","since":"2026-01-01T00:00:00Z","expiresAt":"2026-01-02T00:00:00Z"}`)
	p.put(schemas.KindApproval, "customers-old", raw)
	p.decides(p.omar, "approve", "customers-old", http.StatusNotFound)
	p.waits(p.documents(p.maya, connection, account, guarded))
	if log := strings.Join(p.log(p.topics.Resources(), 0), "\n"); !strings.Contains(log, "Approval/customers-old \n") {
		t.Errorf("what has expired is still there:\n%s", log)
	}
}

// TestWhatWasUnchangedIsNotUndone: a document that changed nothing when a change was asked
// for does not undo what somebody has changed since.
func TestWhatWasUnchangedIsNotUndone(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	orders := strings.Replace(customers, `"name":"customers"`, `"name":"orders"`, 1)
	p.decides(p.omar, "approve", p.waits(p.documents(p.maya, connection, account, guarded, orders)), http.StatusOK)
	for name, changed := range map[string]string{
		"an import":  strings.Replace(orders, "select *", "select b", 1),
		"an account": strings.Replace(account, "in1", "eu1", 1),
	} {
		wish := p.waits(p.documents(p.maya, account, strings.Replace(guarded, "select *", "select a", 1), orders))
		if a := p.documents(p.omar, changed); a.status != http.StatusOK {
			t.Fatalf("%s = %d %s", name, a.status, a.text)
		}
		if a := p.decides(p.omar, "approve", wish, http.StatusConflict); a.body["code"] != "changed_meanwhile" {
			t.Errorf("%s: %s", name, a.text)
		}
		p.decides(p.omar, "decline", wish, http.StatusNoContent)
		if a := p.documents(p.omar, orders, account); a.status != http.StatusOK {
			t.Fatalf("%s back = %d %s", name, a.status, a.text)
		}
	}
}

// TestANameIsOfOneChange: whoever has looked at a change and approves it by its name never
// approves another one that its author has put under the same name meanwhile.
func TestANameIsOfOneChange(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	first := p.waits(p.documents(p.maya, connection, account, guarded))
	p.decides(p.maya, "decline", first, http.StatusNoContent)
	second := p.waits(p.documents(p.maya, connection, account, guarded))
	if first == second {
		t.Errorf("two requests are named %s", first)
	}
	p.decides(p.omar, "approve", first, http.StatusNotFound)
	p.decides(p.omar, "approve", second, http.StatusOK)
}

// TestApprovalsAreReached: only by callers whose selector includes all their imports.
func TestApprovalsAreReached(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	name := p.waits(p.documents(p.maya, connection, account, guarded))
	bounded := p.writeKey("bounded", schemas.AccessKeySpec{Role: "admin", Selector: &schemas.Selector{Names: []string{"orders-*"}}})
	p.decides(bounded, "approve", name, http.StatusForbidden)
	p.decides(bounded, "decline", name, http.StatusForbidden)
	if a := p.as(bounded, "GET", "/v1/approvals", ""); strings.Contains(a.text, name) {
		t.Errorf("the list shows %s", a.text)
	}
	// What changes nothing is no part of what waits, and may be outside of the selector.
	p.decides(p.omar, "approve", name, http.StatusOK)
	secret := strings.Replace(strings.Replace(customers, `"name":"customers"`, `"name":"secret"`, 1), "select *", "select hidden", 1)
	if a := p.documents(p.maya, secret); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	name = p.waits(p.documents(p.maya, secret, strings.Replace(guarded, "select *", "select a", 1)))
	ours := p.writeKey("ours", schemas.AccessKeySpec{Role: "editor", Selector: &schemas.Selector{Names: []string{"customers"}}})
	if a := p.as(ours, "GET", "/v1/approvals/"+name, ""); a.status != http.StatusOK || !strings.Contains(a.text, "select a") || strings.Contains(a.text, "secret") || strings.Contains(a.text, "hidden") {
		t.Errorf("what waits = %d %s", a.status, a.text)
	}
}

func TestApprovalsConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*Config)
		says string
	}{
		"nobody signs in": {func(c *Config) { c.Approvals.Labels = []string{"tier=gold"} }, "auth.mode none"},
		"no label":        {func(c *Config) { c.Approvals.Labels = []string{"gold"} }, "is not key=value"},
		"no expiry":       {func(c *Config) { c.Approvals.Expiry = time.Second }, "expiry"},
	} {
		cfg := DefaultConfig()
		c.edit(&cfg)
		if name == "nobody signs in" {
			if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err := cfg.Approvals.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := DefaultConfig()
	cfg.Auth.Mode, cfg.Approvals.Labels = "keys", []string{"tier=gold"}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

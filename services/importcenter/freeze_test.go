package importcenter

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestFreezes: a freeze is shown with its author and reason and is written to the audit. A
// freeze that matches nothing is refused.
func TestFreezes(t *testing.T) {
	t.Parallel()
	c := start(t)
	if a := c.apply(connection, account, customers); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	made := c.do("POST", "/v1/freezes", `{"selector":{"names":["cust*"]},"reason":"wrong campaign"}`, "Tapline-Actor", "maya")
	if made.status != http.StatusCreated || made.body["name"] != "import-custx" || !strings.Contains(made.text, `"imports":["customers"]`) {
		t.Fatalf("freeze = %d %s", made.status, made.text)
	}
	again := c.do("POST", "/v1/freezes", `{"selector":{"names":["cust*"]},"reason":"another"}`, "Tapline-Actor", "ben")
	if again.body["by"] != made.body["by"] || again.body["reason"] != "wrong campaign" {
		t.Errorf("to freeze twice = %s, want the first to stay", again.text)
	}
	if list := c.do("GET", "/v1/imports", ""); !strings.Contains(list.text, `"frozen":{"name":"import-custx"`) {
		t.Errorf("the listing does not show it: %s", list.text)
	}
	if list := c.do("GET", "/v1/freezes", ""); !strings.Contains(list.text, `"reason":"wrong campaign"`) {
		t.Errorf("freezes = %s", list.text)
	}
	for body, says := range map[string]string{
		`{}`:                                       "name an account",
		`{"selector":{}}`:                          "name an account",
		`{"account":"nowhere"}`:                    "no CleverTap account named nowhere",
		`{"selector":{"names":["nothing"]}}`:       "no import is selected",
		`{"selector":{"names":["["]}}`:             "not a valid pattern",
		`{"selector":{"labels":{"team":"other"}}}`: "no import is selected",
	} {
		if a := c.do("POST", "/v1/freezes", body); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text, says) {
			t.Errorf("%s = %d %s", body, a.status, a.text)
		}
	}
	if a := c.do("DELETE", "/v1/freezes/import-custx", ""); a.status != http.StatusNoContent {
		t.Errorf("unfreeze = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/freezes/import-custx", ""); a.status != http.StatusNotFound {
		t.Errorf("unfreeze of what is not frozen = %d %s", a.status, a.text)
	}
	if list := c.do("GET", "/v1/imports", ""); strings.Contains(list.text, `"frozen"`) {
		t.Errorf("the listing still shows it: %s", list.text)
	}
	audit := strings.Join(c.log(c.topics.Audit(), 0), "\n")
	if strings.Count(audit, `"kind":"Freeze"`) != 2 || !strings.Contains(audit, "wrong campaign") {
		t.Errorf("the audit has %s, want the freeze and its end", audit)
	}
}

// TestEachFreezeIsItsOwn: a freeze whose name would be that of another one is made all the
// same, and every freeze can be removed, however much it selects.
func TestEachFreezeIsItsOwn(t *testing.T) {
	t.Parallel()
	c := start(t)
	named := func(name string) string {
		return strings.Replace(customers, `"name":"customers"`, `"name":"`+name+`"`, 1)
	}
	if a := c.apply(connection, account, customers, named("custx"), named("a-b"), named("a"), named("b")); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	many := `"customers"`
	for i := range 60 {
		many += fmt.Sprintf(`,"another-import-of-many-%d"`, i)
	}
	names := map[string]bool{}
	for _, f := range []struct {
		body string
		want int
	}{
		{`{"selector":{"names":["custx"]}}`, 1}, {`{"selector":{"names":["cust*"]}}`, 2},
		{`{"selector":{"names":["a-b"]}}`, 1}, {`{"selector":{"names":["a","b"]}}`, 2}, {`{"selector":{"names":["A","a?b"]}}`, 1},
		{`{"selector":{"names":[` + many + `]}}`, 1},
	} {
		made := c.do("POST", "/v1/freezes", f.body)
		name, _ := made.body["name"].(string)
		if held, _ := made.body["imports"].([]any); made.status != http.StatusCreated || len(held) != f.want || names[name] {
			t.Errorf("%.60s = %d %s", f.body, made.status, made.text)
		}
		names[name] = true
		if again := c.do("POST", "/v1/freezes", f.body); again.body["name"] != name {
			t.Errorf("%.60s the second time = %s", f.body, again.text)
		}
	}
	for name := range names {
		if a := c.do("DELETE", "/v1/freezes/"+name, ""); a.status != http.StatusNoContent {
			t.Errorf("unfreeze %s = %d %s", name, a.status, a.text)
		}
	}
}

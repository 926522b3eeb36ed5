package importcenter

import (
	"net/http"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestPlanAction: an action is foretold as its request would ask it, also where the request
// asks nothing, and nothing is written.
func TestPlanAction(t *testing.T) {
	t.Parallel()
	const path = "/v1/imports/customers/actions/plan"
	const span = `{"action":"backfill","from":"2026-11-01","to":"2026-11-02"}`
	for name, c := range map[string]struct {
		account, definition, body string
		status                    int
		says                      []string
		never                     string
	}{
		"a reset of production":  {production, customers, `{"action":"reset"}`, 200, []string{`"confirm":"clevertap"`, "everything to the production account clevertap", "cannot be taken back"}, ""},
		"a reset elsewhere":      {account, customers, `{"action":"reset"}`, 200, []string{"everything to the account clevertap", "unknown: no dry run yet"}, "cannot be taken back"},
		"a backfill of a test":   {strings.Replace(production, `"production"`, `"test"`, 1), customers, span, 200, []string{"a span of customers again, to the test account clevertap"}, `"confirm"`},
		"events that are stored": {account, purchases, span, 200, []string{`"repeats":7`, "stored a second time"}, `"confirm"`},
		"a span that is none":    {account, customers, `{"action":"backfill","from":"2026-11-02","to":"2026-11-01"}`, 422, []string{"to is not after from"}, ""},
		"runs that are none":     {account, customers, `{"action":"resend","first":3,"last":4}`, 404, []string{"there is no run customers.3"}, ""},
		"no runs":                {account, customers, `{"action":"resend"}`, 422, []string{"name 1 to 100 runs"}, ""},
		"another action":         {account, customers, `{"action":"run"}`, 422, nil, ""},
	} {
		center := start(t)
		center.apply(connection, c.account, c.definition)
		center.is(schemas.State{Import: "customers", LastNumber: 2, Events: &schemas.EventCount{Stored: 7}})
		a := center.do("POST", path, c.body)
		if a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
		for _, want := range c.says {
			if !strings.Contains(a.text, want) {
				t.Errorf("%s lacks %q: %s", name, want, a.text)
			}
		}
		if c.never != "" && strings.Contains(a.text, c.never) {
			t.Errorf("%s says %q: %s", name, c.never, a.text)
		}
		if n := center.commands("reset") + center.commands("backfill") + center.commands("resend"); n != 0 {
			t.Errorf("%s: %d commands were written", name, n)
		}
	}
	if a := start(t).do("POST", path, `{"action":"reset"}`); a.status != http.StatusNotFound {
		t.Errorf("an import that is not there: %d %s", a.status, a.text)
	}
}

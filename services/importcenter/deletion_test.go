package importcenter

import (
	"net/http"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestPlanDeletion: a deletion is foretold, with what it would be refused for, and nothing is written.
func TestPlanDeletion(t *testing.T) {
	t.Parallel()
	c := start(t)
	orders := strings.NewReplacer(`"name":"customers"`, `"name":"orders"`, `"spec":{`, `"spec":{"after":["customers"],`).Replace(customers)
	c.apply(connection, account, customers, orders)
	c.is(schemas.State{Import: "customers", Generation: 1, LastNumber: 3, OpenRejects: 7, Watermark: "2026-11-30T10:00:00", Active: &schemas.ActiveRun{Run: "customers.3", Number: 3}})
	const path = "/v1/imports/customers/deletion"
	says := func(query string, all ...string) {
		t.Helper()
		a := c.do("GET", path+query, "")
		for _, want := range all {
			if !strings.Contains(a.text, want) {
				t.Errorf("%s lacks %q: %d %s", query, want, a.status, a.text)
			}
		}
	}
	says("", `"removed":[]`, "keep their data until it expires", `"cancels":"customers.3"`, `"refused":"run customers.3 is active`,
		"its failed rows cannot be replayed: 7 wait for that", "its watermark 2026-11-30T10:00:00 is forgotten", "orders names it in spec.after", "what it has sent stays in CleverTap")
	says("?topics=remove&cancelActive=true", "records.customers.v1", "rows.customers.v1")
	if a := c.do("GET", path+"?cancelActive=true", ""); strings.Contains(a.text, `"refused"`) {
		t.Errorf("with cancelActive it is refused: %s", a.text)
	}
	if a := c.do("GET", "/v1/imports/customers", ""); a.status != http.StatusOK {
		t.Errorf("afterwards the import is gone: %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/imports/nowhere/deletion", ""); a.status != http.StatusNotFound {
		t.Errorf("an import that is not there: %d %s", a.status, a.text)
	}
}

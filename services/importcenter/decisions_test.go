package importcenter

import (
	"net/http"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// is waits until the API has read a state of the import.
func (c *center) is(state schemas.State) {
	c.t.Helper()
	c.produce(c.topics.State(), state)
}

// TestAPausedImportIsNotRun: the scheduler has refused the command, and the API
// says why.
func TestAPausedImportIsNotRun(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	c.obey(t, 1, func(cmd schemas.Command) schemas.State {
		return schemas.State{Import: "customers", LastNumber: 1, Paused: true, Keys: []string{cmd.ID}, Refused: []string{cmd.ID}}
	})
	a := c.do("POST", "/v1/imports/customers/runs", "", "Idempotency-Key", "k-1")
	if a.status != http.StatusConflict || a.body["code"] != "import_paused" || !strings.Contains(a.text, "tapline resume customers") {
		t.Errorf("a run of a paused import = %d %s", a.status, a.text)
	}
}

func TestResetOfEventsAsks(t *testing.T) {
	t.Parallel()
	c := start(t)
	if a := c.apply(connection, account, strings.Replace(customers, `"type":"profile"`, `"type":"event","event":{"name":"Bought"}`, 1)); a.status != http.StatusOK {
		t.Fatal(a.text)
	}
	c.is(schemas.State{Import: "customers", LastNumber: 1, Events: &schemas.EventCount{Stored: 500}})
	var a answer
	eventually(t, func() bool {
		a = c.do("POST", "/v1/imports/customers/reset", "")
		return a.status == http.StatusPreconditionRequired
	})
	if a.body["code"] != "confirmation_required" || a.body["repeats"] != 500.0 {
		t.Errorf("reset = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/reset?repeats=499", ""); a.status != http.StatusPreconditionRequired {
		t.Errorf("reset with fewer = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/reset?repeats=500", ""); a.status != http.StatusAccepted {
		t.Errorf("reset with as many = %d %s", a.status, a.text)
	}
	got := c.log(c.topics.Commands(), schemas.ControlPartition("customers"))
	if last := got[len(got)-1]; !strings.Contains(last, `"kind":"reset"`) || !strings.Contains(last, `"repeats":500`) {
		t.Errorf("the command is %s", last)
	}
}

func TestDecisionsOnAHeldRun(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	c.is(schemas.State{Import: "customers", LastNumber: 1})
	if a := c.do("POST", "/v1/runs/customers.1/approve", ""); a.status != http.StatusConflict || a.body["code"] != "run_not_held" {
		t.Errorf("approving what is not held = %d %s", a.status, a.text)
	}
	c.is(schemas.State{Import: "customers", LastNumber: 1, Active: &schemas.ActiveRun{
		Run: "customers.1", Number: 1, State: schemas.StateHeld, HeldBecause: &schemas.Hold{Code: schemas.HoldEventsRepeat, Records: 5},
	}})
	eventually(t, func() bool { return c.do("POST", "/v1/runs/customers.1/decline", "").status == http.StatusAccepted })
	if a := c.do("POST", "/v1/imports/customers/rejects/dismiss", ""); a.status != http.StatusAccepted {
		t.Errorf("dismissing rejects = %d %s", a.status, a.text)
	}
}

// TestApplySaysWhatFollows for the next run.
func TestApplySaysWhatFollows(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	for name, want := range map[string]struct{ document, note string }{
		"another query":       {strings.Replace(customers, "select * from customers", "select * from people", 1), "a new epoch begins"},
		"another destination": {strings.Replace(customers, `"type":"profile"`, `"type":"event","event":{"name":"Bought"}`, 1), "a new epoch begins"},
		"another region":      {strings.Replace(account, "in1", "eu1", 1), "the next run of customers compares what this resolves to"},
		"another mapping":     {strings.Replace(customers, "EMAIL -> Email", "MAIL -> Email", 1), ""},
	} {
		c.apply(connection, account, customers)
		a := c.apply(want.document)
		if a.status != http.StatusOK || !strings.Contains(a.text, want.note) || (want.note == "") != !strings.Contains(a.text, `"note"`) {
			t.Errorf("%s = %d %s", name, a.status, a.text)
		}
	}
}

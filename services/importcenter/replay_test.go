package importcenter

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestReplays: a plan maps the rejected rows with the definition of now and sends nothing;
// a replay is refused with the reason where there is nothing to take, asks before it may
// store events twice, and leaves out dismissed rejects unless a filter selects them.
func TestReplays(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, purchases)
	now := schemas.FormatInstant(time.Now().UTC().Add(-24*time.Hour)) + "Z"
	good := json.RawMessage(`{"CUSTOMER_ID":"17","EMAIL":"a@example.com","UPDATED_AT":"` + now + `","AT":"` + now + `"}`)
	bad := json.RawMessage(`{"CUSTOMER_ID":null,"EMAIL":"a@example.com","UPDATED_AT":"` + now + `","AT":"` + now + `"}`)
	reject := func(run, code string, row json.RawMessage) schemas.Reject {
		return schemas.Reject{Stage: schemas.StageMap, Import: "customers", Run: run, Attempt: 1, ID: "2.1.1", Code: code, Row: row, Time: time.Now()}
	}
	c.produce(c.topics.Rejects(), reject("customers.1", "date_format", good), reject("customers.2", "date_format", good), reject("customers.2", "date_format", bad),
		reject("customers.3", "ambiguous", nil), reject("customers.3", "other", nil))
	columns := []schemas.Column{
		{Name: "CUSTOMER_ID", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"}, {Name: "UPDATED_AT", Type: "TIMESTAMP_LTZ", Scale: 9}, {Name: "AT", Type: "TIMESTAMP_LTZ", Scale: 9},
	}
	c.produce(c.topics.State(), schemas.State{Import: "customers", Generation: 1, Epoch: 2, EpochFirst: 2, LastNumber: 3, Columns: columns})
	c.taken("customers", 3, schemas.RejectRange{Partition: schemas.ControlPartition("customers"), From: 4, To: 4})
	a := c.do("POST", "/v1/imports/customers/replays/plan", `{}`)
	for key, want := range map[string]float64{"rejects": 2, "wouldMap": 1, "ambiguous": 1, "replayed": 1, "calls": 1, "queries": 0} {
		if got, _ := a.body[key].(float64); got != want {
			t.Errorf("the plan's %s = %v, want %v: %s", key, got, want, a.text)
		}
	}
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		`{"code":"date_formt"}`: {http.StatusNotFound, "not_found"}, `{"code":"row_too_large"}`: {http.StatusConflict, "nothing_to_replay"}, `{"code":"other"}`: {http.StatusConflict, "nothing_to_replay"},
		`{"run":"customers.9"}`: {http.StatusNotFound, "not_found"}, `{"run":"orders.1"}`: {http.StatusUnprocessableEntity, "invalid_request"},
		`{"code":"ambiguous"}`: {http.StatusPreconditionRequired, "confirmation_required"},
	} {
		a := c.do("POST", "/v1/imports/customers/replays", body)
		if a.status != want.status || a.body["code"] != want.code {
			t.Errorf("%s = %d %s", body, a.status, a.text)
		}
		if want.code == "confirmation_required" && a.body["repeats"] != 1.0 {
			t.Errorf("the events that may be doubled: %v", a.body["repeats"])
		}
	}
	if a := c.do("POST", "/v1/imports/customers/replays/plan", `{"code":"date_formt"}`); !strings.Contains(a.text, "date_format") {
		t.Errorf("a code that is misspelt is answered without near names: %s", a.text)
	}
	c.produce(c.topics.State(), schemas.State{Import: "customers", Generation: 1, Epoch: 2, EpochFirst: 2, LastNumber: 3, DismissedThrough: 2, Columns: columns})
	if a := c.do("POST", "/v1/imports/customers/replays/plan", `{}`); a.body["rejects"] != 0.0 || !strings.Contains(a.text, "2 dismissed rejects left out") {
		t.Errorf("a replay without a filter would take dismissed rejects: %s", a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/replays/plan", `{"run":"customers.2"}`); a.body["rejects"] != 2.0 {
		t.Errorf("dismissed rejects that are asked for by their run: %s", a.text)
	}
	c.produce(c.topics.Runs(), schemas.Run{Run: "customers.2", Import: "customers", Mode: schemas.ModeFull, State: schemas.StateCancelled, Attempt: 1})
	if a := c.do("POST", "/v1/imports/customers/replays/plan", `{"run":"customers.2"}`); a.body["rejects"] != 0.0 || a.body["readAgain"] != 2.0 {
		t.Errorf("rejects of a run that was cancelled: %s", a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/replays", `{"run":"customers.2"}`); a.status != http.StatusConflict || !strings.Contains(a.text, "reads their rows again") {
		t.Errorf("a replay of a run that was cancelled: %s", a.text)
	}
	if a := c.do("POST", "/v1/imports/gone/replays", `{}`); a.status != http.StatusNotFound {
		t.Errorf("a replay of an import that is not there = %d %s", a.status, a.text)
	}
}

// TestAReplayWaitsForTheDefinition: nothing is asked of a scheduler that does not know the newest
// definition yet, because its run would map with the one before.
func TestAReplayWaitsForTheDefinition(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.CheckTimeout, cfg.AnswerTimeout = 0, 300*time.Millisecond })
	c.apply(connection, account, purchases)
	c.apply(strings.Replace(purchases, `"name":"Bought"`, `"name":"Paid"`, 1))
	c.produce(c.topics.Rejects(), schemas.Reject{Stage: schemas.StageLoad, Import: "customers", Run: "customers.1", Attempt: 1, ID: "1.1.1", Code: "clevertap_512", Record: json.RawMessage(`{}`), Time: time.Now()})
	state := schemas.State{Import: "customers", Generation: 1, Epoch: 1, EpochFirst: 1, LastNumber: 1}
	c.produce(c.topics.State(), state)
	a := c.do("POST", "/v1/imports/customers/replays", `{}`)
	if a.status != http.StatusGatewayTimeout || !strings.Contains(a.text, "generation 2") || c.commands(schemas.CommandReplay) != 0 {
		t.Errorf("with a scheduler that is behind = %d %s, %d commands", a.status, a.text, c.commands(schemas.CommandReplay))
	}
	state.Generation = 2
	c.produce(c.topics.State(), state)
	if c.do("POST", "/v1/imports/customers/replays", `{}`); c.commands(schemas.CommandReplay) != 1 {
		t.Errorf("with a scheduler that knows the definition %d commands were written", c.commands(schemas.CommandReplay))
	}
}

// taken reports that a replay has taken rejects.
func (c *center) taken(importName string, number int, refs ...schemas.RejectRange) {
	c.t.Helper()
	rec, err := control.Record(c.topics.Reports(), importName, importName, schemas.Report{
		Kind: schemas.ReportTaken, Import: importName, Run: schemas.RunID(importName, number), Number: number, Attempt: 1, Taken: &schemas.Taken{Refs: refs},
	}, schemas.EventReport(schemas.ReportTaken), "extractor")
	if err != nil {
		c.t.Fatal(err)
	}
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.Produce(c.t.Context(), rec); err != nil {
		c.t.Fatal(err)
	}
}

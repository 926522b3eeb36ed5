package importcenter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

var (
	production = strings.Replace(account, `"region"`, `"environment":"production","region"`, 1)
	purchases  = strings.Replace(customers, `"type":"profile"`, `"type":"event","event":{"name":"Bought","createdOn":{"column":"AT"}}`, 1)
)

// spec is the applied definition of the import customers.
func (c *center) spec() schemas.ImportSpec {
	c.t.Helper()
	var d schemas.Definition
	if err := json.Unmarshal([]byte(c.do("GET", "/v1/imports/customers", "").text), &d); err != nil {
		c.t.Fatal(err)
	}
	return d.Spec
}

// commands counts the commands of a kind in the log.
func (c *center) commands(kind string) (n int) {
	c.t.Helper()
	for _, record := range c.log(c.topics.Commands(), schemas.ControlPartition("customers")) {
		n += strings.Count(record, `"kind":"`+kind+`"`)
	}
	return n
}

// TestProductionIsAsked: which requests ask for confirmation, and that nothing is written
// before it is given.
func TestProductionIsAsked(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, production, customers)

	a := c.do("POST", "/v1/imports/customers/runs", "")
	if a.status != http.StatusPreconditionRequired || a.body["code"] != "confirmation_required" {
		t.Fatalf("a first run = %d %s", a.status, a.text)
	}
	asked, _ := a.body["confirmation"].(map[string]any)
	for key, want := range map[string]any{
		"action": "run", "import": "customers", "account": "clevertap", "environment": "production", "confirm": "clevertap", "recordsKnown": false,
	} {
		if asked[key] != want {
			t.Errorf("confirmation.%s = %v, want %v", key, asked[key], want)
		}
	}
	for _, want := range []string{"production account clevertap", "unknown: no dry run yet", "cannot be taken back", "live campaigns may fire"} {
		if detail, _ := a.body["detail"].(string); !strings.Contains(detail, want) {
			t.Errorf("the detail lacks %q: %s", want, detail)
		}
	}
	for _, wrong := range []string{"?confirm=", "?confirm=another", "?repeats=9"} {
		if a := c.do("POST", "/v1/imports/customers/runs"+wrong, ""); a.status != http.StatusPreconditionRequired {
			t.Errorf("%s = %d %s", wrong, a.status, a.text)
		}
	}
	if a := c.do("POST", "/v1/imports/customers/reset", ""); a.status != http.StatusPreconditionRequired {
		t.Errorf("a reset = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/dryruns/customers.d1/sync", ""); a.status != http.StatusPreconditionRequired {
		t.Errorf("a sync = %d %s", a.status, a.text)
	}
	if n := c.commands("run") + c.commands("reset") + c.commands("sync"); n != 0 {
		t.Errorf("%d commands were written before anybody agreed", n)
	}

	c.obey(t, 1, func(cmd schemas.Command) schemas.State {
		return schemas.State{Import: "customers", LastNumber: 1, Active: &schemas.ActiveRun{Run: "customers.1", Number: 1, Key: cmd.ID, State: schemas.StateExtracting}}
	})
	if a := c.do("POST", "/v1/imports/customers/runs?confirm=clevertap", "", "Idempotency-Key", "k-1"); a.status != http.StatusAccepted {
		t.Fatalf("confirmed = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/runs", "", "Idempotency-Key", "k-1"); a.status != http.StatusAccepted {
		t.Errorf("the same again = %d %s, want the answer without a question", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/reset?confirm=clevertap", ""); a.status != http.StatusAccepted || c.commands("reset") != 1 {
		t.Errorf("a confirmed reset = %d %s", a.status, a.text)
	}
}

// TestWhatIsNotAsked: runs into accounts that are not production's, and later runs of an
// epoch, need no confirmation.
func TestWhatIsNotAsked(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"unset": account, "test": strings.Replace(production, `"production"`, `"test"`, 1),
	} {
		c := start(t)
		c.apply(connection, document, customers)
		if a := c.do("POST", "/v1/imports/customers/reset", ""); a.status != http.StatusAccepted {
			t.Errorf("%s: a reset = %d %s", name, a.status, a.text)
		}
	}

	c := start(t)
	c.apply(connection, production, customers)
	column := []schemas.Column{{Name: "EMAIL", Type: "TEXT"}}
	c.is(schemas.State{
		Import: "customers", LastNumber: 3, Watermark: "2026-11-28 10:00:00.000000000", Columns: column, SourceHash: runs.SourceHash(c.spec()),
	})
	c.obey(t, 1, func(cmd schemas.Command) schemas.State {
		return schemas.State{Import: "customers", LastNumber: 4, Active: &schemas.ActiveRun{Run: "customers.4", Number: 4, Key: cmd.ID, State: schemas.StateExtracting}}
	})
	if a := c.do("POST", "/v1/imports/customers/runs", ""); a.status != http.StatusAccepted {
		t.Errorf("a later run = %d %s", a.status, a.text)
	}
	c.apply(strings.Replace(customers, "select *", "select a", 1))
	if a := c.do("POST", "/v1/imports/customers/runs", ""); a.status != http.StatusPreconditionRequired {
		t.Errorf("a run after another query = %d %s", a.status, a.text)
	}
}

// sampled writes a dry run of 4 rows of 400, with 3 records, of which 2 are recent.
func (c *center) sampled(spec schemas.ImportSpec) {
	c.t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	p := schemas.ControlPartition("customers")
	var records []*kafka.Record
	for i := range 4 {
		id := []kafka.Header{{Key: schemas.HeaderID, Value: []byte(fmt.Sprintf("1.1.%d", i+1))}}
		records = append(records, &kafka.Record{Topic: c.topics.DryRunRows(), Partition: p, Key: []byte("customers.d1"), Value: []byte(`{}`), Headers: id})
		if i < 3 {
			records = append(records, &kafka.Record{Topic: c.topics.DryRunRecords(), Partition: p, Key: []byte("customers.d1"), Value: []byte(`{}`), Headers: id})
		}
	}
	if err := producer.Produce(c.t.Context(), records...); err != nil {
		c.t.Fatal(err)
	}
	for i := range 2 {
		c.produceAs(c.topics.DryRunRejects(), "customers.d1", schemas.Reject{Run: "customers.d1", Attempt: 1, ID: fmt.Sprintf("1.1.%d", i+1), Code: "event_live", Omitted: true})
	}
	c.produceAs(c.topics.Reports(), "customers", schemas.Report{
		Run: "customers.d1", Import: "customers", Attempt: 1, Kind: schemas.ReportFinal, Final: &schemas.Final{Extraction: schemas.Extraction{Read: 4, Population: 400}},
	})
	c.produceAs(c.topics.State(), "customers.d1", schemas.State{Import: "customers", Sample: &schemas.Sample{
		Run: "customers.d1", Attempt: 1, Spec: spec, TakenAt: time.Now().Add(-5 * time.Minute),
	}})
}

func TestEstimates(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, production, purchases)
	spec := c.spec()
	c.sampled(spec)
	c.is(schemas.State{Import: "customers", LastDryRun: 1, Loaded: 77})

	type figures struct {
		Records, Recent           int64
		RecordsKnown, RecentKnown bool
		RecordsSource             string
	}
	ask := func(path string) (f figures) {
		var body struct{ Confirmation *figures }
		if a := c.do("POST", path, ""); json.Unmarshal([]byte(a.text), &body) != nil || body.Confirmation == nil {
			t.Fatalf("%s = %d %s", path, a.status, a.text)
		}
		return *body.Confirmation
	}
	want := figures{Records: 300, Recent: 200, RecordsKnown: true, RecentKnown: true, RecordsSource: "by dry run customers.d1, 5 minutes ago"}
	if diff := cmp.Diff(want, ask("/v1/imports/customers/runs")); diff != "" {
		t.Errorf("a first run, by the sample (-want +got):\n%s", diff)
	}
	want.Records, want.Recent = 3, 2
	if diff := cmp.Diff(want, ask("/v1/dryruns/customers.d1/sync")); diff != "" {
		t.Errorf("a sync, which sends the sample itself (-want +got):\n%s", diff)
	}
	c.apply(strings.Replace(purchases, "select *", "select a", 1))
	if diff := cmp.Diff(figures{Records: 77, RecordsKnown: true, RecordsSource: "as many as its runs have loaded since it last began anew"}, ask("/v1/imports/customers/reset")); diff != "" {
		t.Errorf("after another query the sample says nothing (-want +got):\n%s", diff)
	}
	c.apply(strings.Replace(purchases, `,"createdOn":{"column":"AT"}`, "", 1))
	if f := ask("/v1/imports/customers/reset"); !f.RecentKnown || f.Recent != f.Records {
		t.Errorf("events that are stamped with the run's time are all recent: %+v", f)
	}
}

// produceAs writes a control record under a key of the import customers' partition.
func (c *center) produceAs(topic, key string, value any) {
	c.t.Helper()
	record, err := control.Record(topic, "customers", key, value, schemas.EventState, "test")
	if err != nil {
		c.t.Fatal(err)
	}
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	if err := producer.Produce(ctx, record); err != nil {
		c.t.Fatal(err)
	}
}

// TestApplyNotesASchedule that sends to production without asking.
func TestApplyNotesASchedule(t *testing.T) {
	t.Parallel()
	scheduled := strings.Replace(customers, `"mapping"`, `"schedules":[{"every":"1d"}],"mapping"`, 1)
	c := start(t)
	c.apply(connection, production)
	if a := c.apply(scheduled); !strings.Contains(a.text, "production account clevertap without asking") {
		t.Errorf("apply = %d %s", a.status, a.text)
	}
	if a := c.apply(strings.Replace(customers, `"name":"customers"`, `"name":"others"`, 1)); strings.Contains(a.text, `"note"`) {
		t.Errorf("apply of one without a schedule = %d %s", a.status, a.text)
	}
}

// TestRepeatsAreAsked: a run that may store events a second time asks for confirmation in
// every environment, and again if the number has changed.
func TestRepeatsAreAsked(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, purchases)
	c.is(schemas.State{Import: "customers", LastNumber: 3, SourceHash: runs.SourceHash(c.spec()), Events: &schemas.EventCount{Stored: 500}, UnfinishedEvents: 7})
	a := c.do("POST", "/v1/imports/customers/runs", "")
	asked, _ := a.body["confirmation"].(map[string]any)
	if a.status != http.StatusPreconditionRequired || asked["repeats"] != float64(7) || !strings.Contains(a.text, "up to 7 events of customers that runs without success have sent") {
		t.Fatalf("a run after runs without success = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/imports/customers/runs?repeats=6", ""); a.status != http.StatusPreconditionRequired || c.commands("run") != 0 {
		t.Errorf("agreed to fewer = %d %s", a.status, a.text)
	}
	c.obey(t, 1, func(cmd schemas.Command) schemas.State {
		return schemas.State{Import: "customers", LastNumber: 4, Active: &schemas.ActiveRun{Run: "customers.4", Number: 4, Key: cmd.ID, State: schemas.StateExtracting}}
	})
	if a := c.do("POST", "/v1/imports/customers/runs?repeats=7", ""); a.status != http.StatusAccepted {
		t.Errorf("agreed = %d %s", a.status, a.text)
	}
}

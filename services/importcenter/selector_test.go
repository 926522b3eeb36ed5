package importcenter

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// ofTeam is the import customers under another name and with a team.
func ofTeam(name, team string) string {
	return strings.Replace(customers, `{"name":"customers"}`, `{"name":"`+name+`","labels":{"team":"`+team+`"}}`, 1)
}

// bounded makes a key for the imports of team crm.
func (c *center) bounded(role string) string {
	return c.writeKey("crm-"+role, schemas.AccessKeySpec{Role: role, Selector: &schemas.Selector{Labels: map[string]string{"team": "crm"}}})
}

// TestANameDoesNotGiveAccess: under the name of a deleted import lie its runs, rejects and
// generations. A label lets nobody take the name over who could not read them.
func TestANameDoesNotGiveAccess(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin, crm := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"}), c.bounded("editor")
	apply := func(key string, documents ...string) answer {
		t.Helper()
		return c.as(key, "POST", "/v1/apply?offline=true", `{"documents":[`+strings.Join(documents, ",")+`]}`)
	}
	if a := apply(admin, connection, account, ofTeam("payroll", "finance"), ofTeam("orders", "crm")); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	c.produce(c.topics.Rejects(), schemas.Reject{
		Import: "payroll", Run: "payroll.1", Attempt: 1, ID: "1.1.1", Code: "email_invalid", Time: time.Now(), Row: json.RawMessage(`{"SALARY":"canary"}`),
	})
	c.write(c.topics.State(), "before", "before", schemas.State{Import: "before", LastNumber: 3}) // deleted by a version that kept no generations
	for _, name := range []string{"payroll", "orders"} {
		if a := c.as(admin, "DELETE", "/v1/imports/"+name+"?topics=keep", "", "If-Match", "*"); a.status != http.StatusOK {
			t.Fatalf("delete = %d %s", a.status, a.text)
		}
	}
	for name, want := range map[string]int{"payroll": http.StatusForbidden, "before": http.StatusForbidden, "orders": http.StatusOK, "new": http.StatusOK} {
		if a := apply(crm, ofTeam(name, "crm")); a.status != want {
			t.Errorf("a new import %s = %d %s", name, a.status, a.text)
		}
	}
	if a := c.as(crm, "GET", "/v1/rejects?import=payroll", ""); a.status != http.StatusForbidden || strings.Contains(a.text, "canary") {
		t.Errorf("rejects of the former import = %d %s", a.status, a.text)
	}
	byName := c.writeKey("named", schemas.AccessKeySpec{Role: "editor", Selector: &schemas.Selector{Names: []string{"pay*"}}})
	if a := apply(byName, ofTeam("payroll", "finance")); a.status != http.StatusOK {
		t.Errorf("by a key for the name = %d %s", a.status, a.text)
	}
}

// TestNoRefusalNamesAnotherImport: what is in the way of a caller is named only if their
// selector includes it.
func TestNoRefusalNamesAnotherImport(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin, crm := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"}), c.bounded("editor")
	later := strings.Replace(ofTeam("payroll", "finance"), `"mapping"`, `"after":["orders"],"mapping"`, 1)
	if a := c.as(admin, "POST", "/v1/apply?offline=true", `{"documents":[`+strings.Join([]string{connection, account, ofTeam("orders", "crm"), ofTeam("carts", "crm"), later}, ",")+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	prune := `{"documents":[` + ofTeam("carts", "crm") + `],"prune":{"team":"crm"}}`
	for _, path := range []string{"/v1/plan?offline=true", "/v1/apply?offline=true"} {
		if a := c.as(crm, "POST", path, prune); a.status != http.StatusConflict || !strings.Contains(a.text, "other imports") || strings.Contains(a.text, "payroll") {
			t.Errorf("%s = %d %s", path, a.status, a.text)
		}
	}
}

// TestASelectorBoundsLookUps: CleverTap's record of a person is what every import has sent.
func TestASelectorBoundsLookUps(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin, crm := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"}), c.bounded("analyst")
	if a := c.as(admin, "POST", "/v1/apply?offline=true", `{"documents":[`+connection+","+account+","+ofTeam("orders", "crm")+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	if a := c.as(crm, "POST", "/v1/imports/orders/why", `{"identity":"4711","clevertap":true}`); a.status != http.StatusForbidden || !strings.Contains(a.text, "without an import selector") {
		t.Errorf("a look-up = %d %s", a.status, a.text)
	}
	if asked := c.log(c.topics.Lookups(), schemas.ControlPartition("clevertap")); len(asked) > 0 {
		t.Errorf("CleverTap was asked: %s", asked)
	}
	if a := c.as(crm, "POST", "/v1/imports/orders/why", `{"identity":"4711"}`); a.status != http.StatusOK {
		t.Errorf("its own rows = %d %s", a.status, a.text)
	}
}

// TestAVerificationNamesNoOtherImport: which other import writes a property is told only to
// whoever may see that import.
func TestAVerificationNamesNoOtherImport(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin, crm := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"}), c.bounded("analyst")
	if a := c.as(admin, "POST", "/v1/apply?offline=true", `{"documents":[`+strings.Join([]string{connection, account, ofTeam("customers", "crm"), ofTeam("payroll", "finance")}, ",")+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	var applied schemas.Definition
	if err := json.Unmarshal([]byte(c.as(admin, "GET", "/v1/imports/customers", "").text), &applied); err != nil {
		t.Fatal(err)
	}
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	id := []kafka.Header{{Key: schemas.HeaderID, Value: []byte("1.1.1")}}
	for topic, text := range map[string]string{
		c.topics.DryRunRows(): `{"EMAIL":"a@example.com"}`, c.topics.DryRunRecords(): `{"type":"profile","identity":"1","profileData":{"Email":"a@example.com"}}`,
	} {
		rec := &kafka.Record{Topic: topic, Partition: schemas.ControlPartition("customers"), Key: []byte("customers.d1"), Value: []byte(text), Headers: id}
		if err := producer.Produce(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	c.write(c.topics.LookupAnswers(), "clevertap", "clevertap", schemas.LookupAnswer{
		ID: "customers.d1/1.1.1", Account: "clevertap", Outcome: schemas.LookupFound, Profile: json.RawMessage(`{"profileData":{"Email":"b@example.com"}}`),
	})
	c.produce(c.topics.Runs(), schemas.Run{Run: "customers.d1", Import: "customers", Mode: schemas.ModeDryRun, State: schemas.StateSucceeded})
	c.produceAs(c.topics.State(), "customers.d1", schemas.State{Import: "customers", Sample: &schemas.Sample{
		Run: "customers.d1", Attempt: 1, Spec: applied.Spec, TakenAt: time.Now(), Verify: &schemas.Verify{},
	}})
	for key, want := range map[string]string{admin: "also written by payroll", crm: "also written by other imports"} {
		a := c.as(key, "GET", "/v1/verifications/customers.d1", "")
		if a.status != http.StatusOK || !strings.Contains(a.text, want) || key == crm && strings.Contains(a.text, "payroll") {
			t.Errorf("want %s: %d %s", want, a.status, a.text)
		}
	}
}

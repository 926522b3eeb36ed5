package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// history is what the API lists of an import, as "number action by", newest first.
func (c *center) history(importName string) (lines []string) {
	c.t.Helper()
	a := c.do("GET", "/v1/imports/"+importName+"/generations", "")
	if a.status != http.StatusOK {
		return []string{fmt.Sprint(a.status)}
	}
	var page struct{ Items []schemas.Generation }
	if err := json.Unmarshal([]byte(a.text), &page); err != nil {
		c.t.Fatal(err)
	}
	for _, g := range page.Items {
		if g.Definition != nil || g.At.IsZero() {
			c.t.Errorf("the list holds %+v", g)
		}
		lines = append(lines, fmt.Sprintf("%d %s %s", g.Generation, g.Action, g.By))
	}
	return lines
}

func (c *center) wantHistory(want ...string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.history("customers")); diff != "" {
		c.t.Errorf("history (-want +got):\n%s", diff)
	}
}

// TestEveryGenerationIsKept: through edits, a deletion and another import of the same
// name, whose generations go on.
func TestEveryGenerationIsKept(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.wantHistory("404")
	c.apply(connection, account, customers)
	c.apply(connection, account, customers) // changes nothing
	c.apply(strings.Replace(customers, "select *", "select a", 1))
	c.wantHistory("2 apply maya", "1 apply maya")
	first := c.do("GET", "/v1/imports/customers/generations/1", "")
	if first.status != http.StatusOK || first.header.Get("ETag") != `"1"` || !strings.Contains(first.text, "select * from customers") {
		t.Errorf("generation 1 = %d %s", first.status, first.text)
	}
	if a := c.do("GET", "/v1/imports/customers/generations/3", ""); a.status != http.StatusNotFound || !strings.Contains(a.text, "tapline history") {
		t.Errorf("a generation that there is not = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", `"2"`, "Tapline-Actor", "omar"); a.status != http.StatusOK {
		t.Fatalf("DELETE = %d %s", a.status, a.text)
	}
	c.wantHistory("3 delete omar", "2 apply maya", "1 apply maya")
	c.apply(customers)
	c.wantHistory("4 apply maya", "3 delete omar", "2 apply maya", "1 apply maya")
	c.apply(strings.Replace(customers, "select *", "select b", 1))
	if a := c.do("GET", "/v1/imports/customers", ""); a.header.Get("ETag") != `"5"` || a.body["firstGeneration"] != 4.0 {
		t.Errorf("the second import of the name has the ETag %s: %s", a.header.Get("ETag"), a.text)
	}
	if a := c.do("GET", "/v1/imports/customers/generations/2", ""); a.status != http.StatusOK || !strings.Contains(a.text, "select a from customers") {
		t.Errorf("a generation of the deleted import = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/imports/customers/generations/3", ""); a.status != http.StatusOK || strings.Contains(a.text, `"definition"`) {
		t.Errorf("the deletion = %d %s", a.status, a.text)
	}
}

// TestARefusedChangeKeepsNoGeneration: the generation stands in the transaction of the
// change.
func TestARefusedChangeKeepsNoGeneration(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	c.apply(strings.Replace(customers, "EMAIL -> Email", "EMAIL -> a|b", 1))
	c.do("PUT", "/v1/imports/customers", strings.Replace(customers, "Email", "email", 1), "If-Match", `"7"`)
	c.do("DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", `"7"`)
	c.wantHistory("1 apply maya")
}

// TestTheOldestGenerationsGo: an import keeps its newest ones.
func TestTheOldestGenerationsGo(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	for n := range schemas.MaxGenerations + 2 {
		if a := c.do("PATCH", "/v1/imports/customers", fmt.Sprintf(`{"metadata":{"owner":"team%d"}}`, n), "If-Match", "*"); a.status != http.StatusOK {
			t.Fatalf("PATCH = %d %s", a.status, a.text)
		}
	}
	kept := c.history("customers")
	newest := schemas.MaxGenerations + 3
	if len(kept) != schemas.MaxGenerations || kept[0] != fmt.Sprintf("%d apply anonymous", newest) || kept[len(kept)-1] != "4 apply anonymous" {
		t.Errorf("kept are %d, from %q to %q", len(kept), kept[0], kept[len(kept)-1])
	}
	records := c.log(c.topics.Generations(), schemas.ControlPartition("customers"))
	for _, gone := range []string{"customers/1 ", "customers/2 ", "customers/3 "} {
		if !slices.Contains(records, gone) {
			t.Errorf("no tombstone of %q", gone)
		}
	}
	if a := c.do("GET", "/v1/imports/customers/generations/3", ""); a.status != http.StatusNotFound {
		t.Errorf("one that is gone = %d %s", a.status, a.text)
	}
}

// TestTheHistoryOfADeletedImportGoes: a year after the deletion, at the next change of
// any import.
func TestTheHistoryOfADeletedImportGoes(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	long, lately := time.Now().Add(-schemas.DeletedGenerationsKept-time.Hour), time.Now().Add(-time.Hour)
	for name, at := range map[string]time.Time{"long-ago": long, "lately": lately} {
		c.write(c.topics.Generations(), name, name+"/1", schemas.Generation{Import: name, Generation: 1, Action: schemas.AuditApply, At: long})
		c.write(c.topics.Generations(), name, name+"/2", schemas.Generation{Import: name, Generation: 2, Action: schemas.AuditDelete, At: at})
	}
	c.apply(customers)
	if got := c.history("long-ago"); got[0] != "404" {
		t.Errorf("what was deleted long ago has the history %q", got)
	}
	if got := c.history("lately"); len(got) != 2 {
		t.Errorf("what was deleted lately has the history %q", got)
	}
}

// TestWhatWasAppliedBefore: an import that was applied before generations were kept has
// its present one, and a change keeps it.
func TestWhatWasAppliedBefore(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	var d schemas.Definition
	if err := json.Unmarshal([]byte(strings.Replace(customers, `"EMAIL -> Email"`, `{"from":"EMAIL","to":"Email"}`, 1)), &d); err != nil {
		t.Fatal(err)
	}
	d.Generation, d.AppliedAt = 5, time.Now()
	c.produce(c.topics.Imports(), d)
	eventually(t, func() bool { return c.history("customers")[0] == "5 apply " })
	if a := c.do("GET", "/v1/imports/customers/generations/5", ""); a.status != http.StatusOK || !strings.Contains(a.text, "select *") {
		t.Errorf("the present one = %d %s", a.status, a.text)
	}
	c.apply(strings.Replace(customers, "select *", "select a", 1))
	c.wantHistory("6 apply maya", "5 apply ")
	if a := c.do("GET", "/v1/imports/customers/generations/5", ""); a.status != http.StatusOK || !strings.Contains(a.text, "select *") {
		t.Errorf("the one before = %d %s", a.status, a.text)
	}
}

// write writes one record of an import.
func (c *center) write(topic, importName, key string, value any) {
	c.t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	record, err := control.Record(topic, importName, key, value, schemas.EventGeneration, "test")
	if err == nil {
		err = producer.Produce(c.t.Context(), record)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

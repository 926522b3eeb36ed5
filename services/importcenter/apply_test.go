package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestApply(t *testing.T) {
	t.Parallel()
	c := start(t)

	first := c.apply(connection, account, customers)
	if first.status != http.StatusOK {
		t.Fatalf("apply = %d %s", first.status, first.text)
	}
	var got struct {
		Items []struct {
			Kind, Name, Outcome string
			Generation          int
		}
	}
	if err := json.Unmarshal([]byte(first.text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("[{SnowflakeConnection warehouse created 1} {CleverTapAccount clevertap created 1} {Import customers created 1}]", fmt.Sprint(got.Items)); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	imports := c.log(c.topics.Imports(), schemas.ControlPartition("customers"))
	if len(imports) != 1 || !strings.HasPrefix(imports[0], "customers {") {
		t.Fatalf("imports topic holds %q, want one definition", imports)
	}
	if n := len(c.log(c.topics.Resources(), 0)); n != 2 {
		t.Errorf("resources topic holds %d records, want 2", n)
	}
	audit := c.log(c.topics.Audit(), 0)
	if len(audit) != 3 || !strings.HasPrefix(audit[0], "maya ") {
		t.Errorf("audit topic holds %q, want three entries of maya", audit)
	}
	if n := len(c.log(c.topics.Rows("customers"), 1)); n != 0 {
		t.Errorf("rows topic holds %d records, want it made and empty", n)
	}

	again := c.apply(connection, account, customers)
	if again.status != http.StatusOK || strings.Count(again.text, `"unchanged"`) != 3 {
		t.Errorf("applying again = %d %s", again.status, again.text)
	}
	if n := len(c.log(c.topics.Imports(), schemas.ControlPartition("customers"))); n != 1 {
		t.Errorf("imports topic holds %d records after an unchanged apply, want 1", n)
	}

	changed := c.apply(strings.Replace(customers, "select *", "select a", 1))
	if changed.status != http.StatusOK || !strings.Contains(changed.text, `"generation":2`) {
		t.Errorf("applying a change = %d %s", changed.status, changed.text)
	}
	read := c.do("GET", "/v1/imports/customers", "")
	if read.header.Get("ETag") != `"2"` || !strings.Contains(read.text, "select a from customers") {
		t.Errorf("reading it = %s %s", read.header.Get("ETag"), read.text)
	}
}

// TestApplyKeepsWhatExpressionsMeant: an import that was applied before numbers
// were exact is not changed by applying it again, and the answer names it.
func TestApplyKeepsWhatExpressionsMeant(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	former := strings.Replace(customers, `"EMAIL -> Email"`, `"EMAIL -> Email",{"to":"p","expr":"SPEND + 1"}`, 1)
	var d schemas.Definition
	short := strings.Replace(former, `"EMAIL -> Email"`, `{"from":"EMAIL","to":"Email"}`, 1)
	if err := json.Unmarshal([]byte(short), &d); err != nil {
		t.Fatal(err)
	}
	d.Generation = 1
	c.produce(c.topics.Imports(), d)

	again := c.apply(former)
	if again.status != http.StatusOK || !strings.Contains(again.text, `"unchanged"`) || !strings.Contains(again.text, "spec.expressions: exact") {
		t.Errorf("applying again = %d %s", again.status, again.text)
	}
	elsewhere := c.apply(strings.Replace(former, "select *", "select a", 1))
	if !strings.Contains(elsewhere.text, `"updated"`) || !strings.Contains(elsewhere.text, "spec.expressions: exact") {
		t.Errorf("an edit elsewhere = %d %s", elsewhere.status, elsewhere.text)
	}
	edited := c.apply(strings.Replace(former, "SPEND + 1", "SPEND + 2", 1))
	if !strings.Contains(edited.text, `"updated"`) || strings.Contains(edited.text, "spec.expressions") {
		t.Errorf("an edited expression = %d %s", edited.status, edited.text)
	}
	if read := c.do("GET", "/v1/imports/customers", ""); !strings.Contains(read.text, `"expressions":"exact"`) {
		t.Errorf("reading it = %s", read.text)
	}
}

func TestApplyWritesNothingWhenAnythingIsWrong(t *testing.T) {
	t.Parallel()
	c := start(t)
	tests := []struct {
		name      string
		documents []string
		says      string
	}{
		{"no such connection", []string{account, customers}, "there is no SnowflakeConnection warehouse"},
		{"unknown key", []string{connection, account, strings.Replace(customers, `"mapping"`, `"maping"`, 1)}, "maping"},
		{"a mapping that cannot be", []string{connection, account, strings.Replace(customers, "EMAIL -> Email", "EMAIL -> a|b", 1)}, "documents[2].spec.mapping[0]"},
		{"a secret in the open", []string{strings.Replace(connection, "ref+env://PW", "hunter2", 1)}, "a secret never stands in a definition"},
		{"another kind", []string{connection, `{"apiVersion":"tapline.dev/v1alpha1","kind":"Deployment","metadata":{"name":"x"},"spec":{}}`}, "kind"},
		{"a host of one's own", []string{strings.Replace(connection, `"user"`, `"host":"evil.example.com","user"`, 1)}, "custom endpoints"},
	}
	for _, tt := range tests {
		a := c.apply(tt.documents...)
		if a.status != http.StatusUnprocessableEntity || a.body["code"] != codeRefused || !strings.Contains(a.text, tt.says) {
			t.Errorf("%s: %d %s", tt.name, a.status, a.text)
		}
		if got := a.header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: content type %s", tt.name, got)
		}
	}
	for partition := range int32(schemas.ControlPartitions) {
		if got := c.log(c.topics.Imports(), partition); len(got) != 0 {
			t.Errorf("imports topic holds %q", got)
		}
	}
	if got := c.log(c.topics.Resources(), 0); len(got) != 0 {
		t.Errorf("resources topic holds %q", got)
	}
	other := c.apply(connection, account, customers)
	if other.status != http.StatusOK {
		t.Fatalf("apply = %d %s", other.status, other.text)
	}
	more := c.apply(strings.Replace(customers, `"partitions":2`, `"partitions":3`, 1))
	if more.status != http.StatusConflict || !strings.Contains(more.text, "partitions") {
		t.Errorf("another partition count = %d %s", more.status, more.text)
	}
}

const codeRefused = "definition_refused"

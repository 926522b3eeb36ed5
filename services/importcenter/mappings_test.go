package importcenter

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

const sampleColumns = `[{"name":"ID","type":"FIXED","precision":38,"scale":0,"nullable":false,"nulls":0},{"name":"EMAIL","type":"TEXT"},{"name":"SPEND","type":"FIXED","precision":12,"scale":2},{"name":"JOINED","type":"DATE"}]`

func sampleOf(mapping string, rows ...string) string {
	return `{"documents":[{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"people"},"spec":{"draft":true,"identity":{"column":"ID"},` +
		`"destination":{"type":"profile"},"mapping":` + mapping + `}}],"columns":` + sampleColumns + `,"rows":[` + strings.Join(rows, ",") + `]}`
}

// TestTryMapping: each row becomes what a run would make of it, each line counts what
// it fails for, and nothing is written or asked.
func TestTryMapping(t *testing.T) {
	t.Parallel()
	c := start(t)
	before := c.written()
	type tried struct {
		Problems   []struct{ Location, Code string }
		Properties []struct {
			Property, Result, Code string
			Failing, Omitted       int
		}
		Rows []struct {
			Record           json.RawMessage
			Rejects, Omitted []struct{ Code, Column, Property string }
		}
	}
	try := func(body string) (out tried) {
		t.Helper()
		a := c.do("POST", "/v1/mappings/try", body)
		if a.status != http.StatusOK {
			t.Fatalf("try = %d %s", a.status, a.text)
		}
		if err := json.Unmarshal([]byte(a.text), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := try(sampleOf(`["EMAIL -> Email",{"from":"SPEND","to":"spend","type":"float"},{"from":"JOINED","to":"joined","type":"date","onInvalid":"omit"}]`,
		`{"ID":1,"EMAIL":"a@example.com","SPEND":12.50,"JOINED":"2024-11-23"}`,
		`{"ID":2,"EMAIL":"n/a","SPEND":1.00,"JOINED":"2024-11-23"}`,
		`{"ID":null,"EMAIL":"n/a","SPEND":null,"JOINED":null}`, `null`))
	if len(got.Problems) != 0 || len(got.Rows) != 4 {
		t.Fatalf("%+v", got)
	}
	if !strings.Contains(string(got.Rows[0].Record), `"spend":12.50`) || len(got.Rows[0].Rejects) != 0 {
		t.Errorf("row 0 = %s %+v", got.Rows[0].Record, got.Rows[0].Rejects)
	}
	if len(got.Rows[1].Record) != 0 || got.Rows[1].Rejects[0].Code != "email_invalid" {
		t.Errorf("row 1 = %s %+v", got.Rows[1].Record, got.Rows[1].Rejects)
	}
	if len(got.Rows[2].Rejects) != 2 || got.Rows[3].Rejects[0].Code != "row_unreadable" {
		t.Errorf("rows 2 and 3: %+v, %+v", got.Rows[2].Rejects, got.Rows[3].Rejects)
	}
	failing := map[string]int{}
	for _, p := range got.Properties {
		failing[p.Property] = p.Failing
	}
	if diff := cmp.Diff(map[string]int{"Identity": 1, "Email": 2, "spend": 0, "joined": 0, "(record)": 1}, failing); diff != "" {
		t.Errorf("failing by property (-want +got):\n%s", diff)
	}
	// A mapping that cannot be compiled names its lines.
	got = try(sampleOf(`["EMAIL -> Email","NOBODY -> nobody"]`, `{"ID":1}`))
	if len(got.Rows) != 0 || len(got.Problems) != 1 || got.Problems[0].Location != "documents[0].spec.mapping[1].from" {
		t.Errorf("a column that is not there: %+v", got)
	}
	if diff := cmp.Diff(before, c.written()); diff != "" {
		t.Errorf("something was written:\n%s", diff)
	}
}

// TestDescribe: the columns of a draft that is incomplete, without a row.
func TestDescribe(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	asked := &oracle{answers: map[string]schemas.Report{"people": {Preview: &schemas.Preview{Columns: []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}}}}}}
	asked.listen(t, c)
	draft := `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"people"},"spec":{"draft":true,"source":{"connectionRef":"warehouse","query":"select 1 as ID"}}}`
	a := c.do("POST", "/v1/describe", `{"documents":[`+draft+`]}`)
	if a.status != http.StatusOK || !strings.Contains(a.text, `"name":"ID"`) || !strings.Contains(a.text, `"rows":[]`) {
		t.Errorf("describe = %d %s", a.status, a.text)
	}
	if commands := asked.commands(); len(commands) != 1 || commands[0].Rows != 0 || commands[0].Spec.Source.Query != "select 1 as ID" {
		t.Errorf("asked %+v", commands)
	}
}

func TestSuggestMapping(t *testing.T) {
	t.Parallel()
	c := start(t)
	a := c.do("POST", "/v1/mappings/suggest", sampleOf(`[]`, `{"ID":1,"EMAIL":"a@example.com","SPEND":12.50,"JOINED":"2024-11-23"}`, `{"ID":2,"EMAIL":"n/a"}`))
	var got struct {
		Identity   struct{ Column string }
		Properties []struct {
			Property schemas.Property
			Reason   string
			Sure     bool
		}
	}
	if err := json.Unmarshal([]byte(a.text), &got); err != nil || a.status != http.StatusOK {
		t.Fatalf("suggest = %d %s, %v", a.status, a.text, err)
	}
	lines := map[string]bool{}
	for _, p := range got.Properties {
		lines[p.Property.From+" -> "+p.Property.To+" "+p.Property.Type] = p.Sure
	}
	want := map[string]bool{"EMAIL -> Email ": false, "SPEND -> spend float": true, "JOINED -> joined date": true}
	if diff := cmp.Diff(want, lines); diff != "" || got.Identity.Column != "ID" {
		t.Errorf("identity %s, lines (-want +got):\n%s", got.Identity.Column, diff)
	}
	if a := c.do("POST", "/v1/mappings/suggest", `{"documents":[`+connection+`],"columns":`+sampleColumns+`}`); a.status != http.StatusUnprocessableEntity {
		t.Errorf("without an import = %d %s", a.status, a.text)
	}
}

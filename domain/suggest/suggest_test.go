package suggest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func columns() []schemas.Column {
	return []schemas.Column{
		{Name: "CUSTOMER_ID", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"}, {Name: "PASSWORD_HASH", Type: "TEXT"},
		{Name: "PLAN_TIER", Type: "TEXT"}, {Name: "Plan Tier", Type: "TEXT"}, {Name: "VISITS", Type: "FIXED", Precision: 38},
		{Name: "SPEND", Type: "FIXED", Precision: 12, Scale: 2}, {Name: "ACTIVE", Type: "BOOLEAN"}, {Name: "DOB", Type: "DATE"},
		{Name: "$%&", Type: "TEXT"}, {Name: "PREFS", Type: "VARIANT"}, {Name: "x}: #\n", Type: "TEXT"},
		{Name: "UPDATED_AT", Type: "TIMESTAMP_NTZ"},
	}
}

func TestMake(t *testing.T) {
	t.Parallel()
	spec := schemas.ImportSpec{Timezone: "UTC", Source: schemas.Source{ConnectionRef: "warehouse", Table: "T"}, Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile}}
	s, err := Make(spec, "", columns(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range s.Spec.Mapping {
		got = append(got, p.From+" -> "+p.To+" "+p.Type)
	}
	want := []string{
		"EMAIL -> Email ", "PLAN_TIER -> plan tier ", "VISITS -> visits integer", "SPEND -> spend float", "ACTIVE -> active boolean",
		"DOB -> DOB date", "PREFS -> prefs string",
	}
	for _, w := range want {
		if !strings.Contains(strings.Join(got, "\n"), w) {
			t.Errorf("%q is not suggested:\n%s", w, strings.Join(got, "\n"))
		}
	}
	if s.Spec.Identity.Column != "CUSTOMER_ID" || s.Spec.Source.Cursor == nil || s.Spec.Source.Cursor.Column != "UPDATED_AT" {
		t.Errorf("identity %+v, cursor %+v", s.Spec.Identity, s.Spec.Source.Cursor)
	}
	left := map[string]string{}
	for _, l := range s.LeftOut {
		left[l.Column] = l.Why
	}
	for column, why := range map[string]string{"PASSWORD_HASH": "secret", "Plan Tier": "another column", "$%&": "", "UPDATED_AT": "cursor", "CUSTOMER_ID": "identity"} {
		if reason, ok := left[column]; !ok || !strings.Contains(reason, why) {
			t.Errorf("%s is left out because %q (%t), want %q", column, reason, ok, why)
		}
	}
	if len(s.Spec.Mapping)+len(s.LeftOut) != len(columns()) || len(s.Lines) != len(s.Spec.Mapping) {
		t.Errorf("%d mapped, %d left out, %d reasons of %d columns", len(s.Spec.Mapping), len(s.LeftOut), len(s.Lines), len(columns()))
	}
	again, err := Make(spec, "", columns(), nil)
	if diff := cmp.Diff(s, again); diff != "" || err != nil {
		t.Errorf("another suggestion for the same columns (%v):\n%s", err, diff)
	}
	if _, err := Make(spec, "", []schemas.Column{{Name: "F", Type: "REAL"}}, nil); err == nil || !strings.Contains(err.Error(), "--identity") {
		t.Errorf("without an identity: %v", err)
	}
	if _, err := Make(spec, "ID", []schemas.Column{{Name: "ID", Type: "TEXT"}}, nil); err == nil || !strings.Contains(err.Error(), "no column can be mapped") {
		t.Errorf("without a property: %v", err)
	}
}

// TestMakeFromSamples: values decide where the name does not, say what does not fit, and
// never stand in a reason.
func TestMakeFromSamples(t *testing.T) {
	t.Parallel()
	columns := []schemas.Column{
		{Name: "ID", Type: "TEXT"}, {Name: "CONTACT", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"}, {Name: "REACH", Type: "TEXT"},
		{Name: "JOINED", Type: "TEXT"}, {Name: "SEEN", Type: "TEXT"}, {Name: "PLAN", Type: "TEXT"}, {Name: "DOB", Type: "TEXT"}, {Name: "EMPTY", Type: "TEXT"},
	}
	var rows []json.RawMessage
	for n := range 20 {
		mail := fmt.Sprintf("person%d@example.com", n)
		if n < 3 {
			mail = "n/a"
		}
		rows = append(rows, fmt.Appendf(nil, `{"ID":"%d","CONTACT":"someone%d@example.com","EMAIL":"%s","REACH":"+4915112345%03d","JOINED":"%02d/11/2024","SEEN":"%02d/%02d/2024","PLAN":"gold","DOB":"1990-12-%02d","EMPTY":null}`,
			n, n, mail, n, n+10, n%12+1, n%12+1, n+1))
	}
	rows = append(rows, json.RawMessage(`null`), json.RawMessage(`[`))
	spec := schemas.ImportSpec{Timezone: "UTC", Source: schemas.Source{ConnectionRef: "warehouse", Table: "T"}, Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile}}
	s, err := Make(spec, "ID", columns, rows)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, l := range s.Lines {
		got[l.Property.From] = fmt.Sprintf("%s %s %s %t %s", l.Property.To, l.Property.Type, l.Property.Format, l.Sure, l.Reason)
		if strings.Contains(l.Reason, "@") || strings.Contains(l.Reason, "4915") {
			t.Errorf("a reason shows a value: %s", l.Reason)
		}
	}
	want := map[string]string{
		"CONTACT": "contact   true ", // EMAIL is named for what its values look like
		"EMAIL":   "Email   false CleverTap's own property; 17 of 20 values fit",
		"REACH":   "Phone   false 20 of 20 values are telephone numbers; no name says so",
		"JOINED":  "joined date dd/MM/yyyy true all 20 values are dd/MM/yyyy",
		"SEEN":    "seen date dd/MM/yyyy false all values are dates, but dd/MM/yyyy and MM/dd/yyyy read them differently: choose",
		"PLAN":    "plan   true ",
		"DOB":     "DOB date yyyy-MM-dd true all 20 values are yyyy-MM-dd",
		"EMPTY":   "empty   true ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

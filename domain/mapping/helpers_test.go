package mapping

import (
	"encoding/json"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

const clock = 1_700_000_000

// profile is a profile import with the given lines of mapping, as JSON.
func profile(t testing.TB, lines ...string) schemas.ImportSpec {
	t.Helper()
	return specOf(t, `{"destination":{"type":"profile"},"identity":{"column":"ID"},"mapping":[`+strings.Join(lines, ",")+`]}`)
}

// eventSpec is an event import; event is the JSON of spec.destination.event.
func eventSpec(t testing.TB, event string, lines ...string) schemas.ImportSpec {
	t.Helper()
	return specOf(t, `{"destination":{"type":"event","event":`+event+`},"identity":{"column":"ID"},"mapping":[`+strings.Join(lines, ",")+`]}`)
}

func specOf(t testing.TB, text string) schemas.ImportSpec {
	t.Helper()
	var spec schemas.ImportSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return spec
}

// columns reads "ID FIXED, NAME TEXT, SPEND NUMBER(12,2)".
func columns(t testing.TB, text string) []schemas.Column {
	t.Helper()
	var out []schemas.Column
	for part := range strings.SplitSeq(text, "; ") {
		name, typ, _ := strings.Cut(part, " ")
		c := schemas.Column{Name: name, Type: typ, Nullable: true}
		if strings.HasPrefix(typ, "NUMBER(") {
			if err := json.Unmarshal([]byte("["+strings.TrimSuffix(strings.TrimPrefix(typ, "NUMBER("), ")")+"]"), &[]any{&c.Precision, &c.Scale}); err != nil {
				t.Fatal(err)
			}
			c.Type = "FIXED"
		}
		out = append(out, c)
	}
	return out
}

func compiled(t testing.TB, spec schemas.ImportSpec, columns []schemas.Column, opts Options) *Mapping {
	t.Helper()
	m, problems := Compile(spec, columns, opts)
	for _, p := range problems {
		t.Fatalf("%s: %v", p.Code, p)
	}
	return m
}

// outcome is the value of the one property, or the code of the reject.
func outcome(t testing.TB, m *Mapping, value string) string {
	t.Helper()
	record, rejects := m.Map(nil, []byte(`{"ID":"u1","V":`+value+`}`), clock)
	if len(rejects) > 0 {
		checkReject(t, rejects[0], value)
		return rejects[0].Code
	}
	if !json.Valid(record) {
		t.Fatalf("%s: the record is not JSON: %s", value, record)
	}
	rest, ok := strings.CutPrefix(string(record), `{"type":"profile","identity":"u1","profileData":{`)
	if !ok {
		t.Fatalf("record = %s", record)
	}
	rest = strings.TrimSuffix(rest, "}}")
	_, rest, _ = strings.Cut(rest, `":`)
	return rest
}

// checkReject holds a reject to the catalogue and to silence about values.
func checkReject(t testing.TB, r Reject, value string) {
	t.Helper()
	info, known := schemas.LookupError(r.Code)
	if !known {
		t.Errorf("%s is not in the catalogue", r.Code)
	}
	onMap := false
	for _, s := range info.Stages {
		onMap = onMap || s == schemas.StageMap
	}
	if known && !onMap {
		t.Errorf("%s is not a code of the map stage in the catalogue", r.Code)
	}
	if text := strings.Trim(value, `"`); len(text) > 6 && strings.Contains(r.Reason, text) {
		t.Errorf("the reason %q repeats the value", r.Reason)
	}
}

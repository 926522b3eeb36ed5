package mapping

import (
	"encoding/json"
	"testing"

	"tapline.dev/schemas"
)

// FuzzCompile compiles any spec: no panic, problems with codes of the catalogue,
// and what compiles maps rows to JSON or rejects them.
func FuzzCompile(f *testing.F) {
	for _, line := range []string{
		`"T"`, `"T -> Email"`, `{"from":"T","to":"Phone","defaultRegion":"IN"}`, `{"from":"T","to":"d","type":"date","format":"dd MMM yyyy HH:mm:ss","timezone":"Europe/Berlin"}`,
		`{"to":"x","expr":"let a = N; a + len(T) > 3 ? T : nil","type":"string","onInvalid":"omit"}`, `{"to":"v","value":{"a":[1]},"type":"object"}`,
		`{"from":"V","to":"o","op":"add","transform":"sha256"}`, `{"from":"V","to":"n","op":"incr","type":"float","onNull":"default","default":1}`, `{"to":"e","expr":"$env[\"T\"] + map(V, #)"}`,
	} {
		f.Add([]byte(`{"destination":{"type":"profile"},"identity":{"column":"ID"},"mapping":[` + line + `]}`))
		f.Add([]byte(`{"timezone":"Asia/Kolkata","destination":{"type":"event","event":{"nameColumn":"T","createdOn":{"column":"D"}}},"identity":{"column":"ID"},"mapping":[` + line + `]}`))
	}
	cols := columns(f, "ID TEXT; T TEXT; N NUMBER(9,0); V VARIANT; D TIMESTAMP_NTZ; F REAL; B BOOLEAN")
	rows := []string{
		`{"ID":"u","T":"text","N":7,"V":["a",1,{"b":null}],"D":"2026-11-23T10:00:00.000000000","F":1.5,"B":true}`,
		`{"ID":"u","T":null,"N":null,"V":null,"D":null,"F":null,"B":null}`,
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var spec schemas.ImportSpec
		if json.Unmarshal(text, &spec) != nil {
			return
		}
		for _, known := range [][]schemas.Column{cols, nil} {
			m, problems := Compile(spec, known, Options{Nested: true})
			if m == nil == (len(problems) == 0) {
				t.Fatalf("a mapping: %v, problems: %v", m != nil, problems)
			}
			checkProblems(t, problems)
			if m == nil {
				continue
			}
			for _, row := range rows {
				record, rejects := m.Map(nil, []byte(row), clock)
				if len(rejects) == 0 && !json.Valid(record) {
					t.Fatalf("%s became %s", row, record)
				}
			}
		}
	})
}

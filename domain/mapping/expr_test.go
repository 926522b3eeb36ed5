package mapping

import (
	"strings"
	"testing"
)

func TestExpressions(t *testing.T) {
	t.Parallel()
	const cols = "ID TEXT; PLAN TEXT; SMALL NUMBER(9,0); BIG NUMBER(38,0); N NUMBER(10,2); F REAL; B BOOLEAN; V VARIANT; D DATE; two words TEXT"
	spaced := columns(t, strings.Replace(cols, "two words TEXT", "two TEXT", 1))
	spaced[len(spaced)-1].Name = "two words"
	row := `{"ID":"u","PLAN":"gold","SMALL":7,"BIG":12345678901234567890,"N":10.50,"F":2.0,"B":true,"V":{"a":[1,2],"s":"<x>"},"D":"2026-11-23","two words":"w"}`
	nulls := `{"ID":"u","PLAN":null,"SMALL":null,"BIG":null,"N":null,"F":null,"B":null,"V":null,"D":null,"two words":null}`
	for _, tt := range []struct{ expr, extra, want, wantNulls string }{
		{`PLAN in ["gold", "platinum"]`, `"type":"boolean"`, `true`, `false`},
		{`PLAN ?? "none"`, ``, `"gold"`, `"none"`},
		{`plan + "!"`, ``, `"gold!"`, ``},
		{`SMALL * 2`, ``, `14`, ``},
		{`SMALL / 2`, ``, `3.5`, ``},
		{`F + 0.5`, ``, `2.5`, ``},
		{`BIG`, ``, `"12345678901234567890"`, ``},
		{`BIG`, `"type":"string"`, `"12345678901234567890"`, ``},
		{`N`, `"type":"float"`, `10.50`, ``},
		{`B ? "yes" : "no"`, ``, `"yes"`, ``},
		{`V.a[1]`, ``, `2`, ``},
		{`V.s`, `"type":"string"`, `"<x>"`, ``},
		{`V.a[5]`, `"type":"integer"`, codeExpressionFailed, ``},
		{`D`, `"type":"date"`, `"$D_1795435200"`, ``},
		{`let x = upper(PLAN); x + x`, ``, `"GOLDGOLD"`, ``},
		{`$env["two words"]`, ``, `"w"`, ``},
		{`len(filter([1, 2, 3], # > 1))`, ``, `2`, `2`},
		{`PLAN == nil ? 0 : 1`, `"type":"integer"`, `1`, `0`},
		{`"fixed"`, ``, `"fixed"`, `"fixed"`},
		{`split(PLAN, "")`, `"op":"add"`, `{"$add":["g","o","l","d"]}`, ``},
		{`PLAN`, `"onNull":"default","default":"d"`, `"gold"`, `"d"`},
		{`int(PLAN)`, `"type":"integer"`, codeExpressionFailed, ``},
		{`int(PLAN)`, `"type":"integer","onInvalid":"omit"`, ``, ``},
	} {
		line := `{"to":"p","expr":` + string(appendText(nil, []byte(tt.expr)))
		if tt.extra != "" {
			line += "," + tt.extra
		}
		m := compiled(t, profile(t, line+"}"), spaced, Options{})
		for in, want := range map[string]string{row: tt.want, nulls: tt.wantNulls} {
			record, rejects := m.Map(nil, []byte(in), clock)
			got := strings.TrimSuffix(strings.TrimPrefix(string(record), `{"type":"profile","identity":"u","profileData":{`), "}}")
			got = strings.TrimPrefix(got, `"p":`)
			if len(rejects) > 0 {
				checkReject(t, rejects[0], "")
				got = rejects[0].Code
			}
			if got != want {
				t.Errorf("%s of %s: got %s, want %s", tt.expr, in, got, want)
			}
		}
	}
}

// TestExpressionsWithoutColumns take a value's JSON form for its type.
func TestExpressionsWithoutColumns(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`A + 1`: `8`, `BIG`: `"12345678901234567890"`, `C ?? "c"`: `"c"`, `upper(T)`: `"X"`, `a + 1`: `8`,
	} {
		m := compiled(t, profile(t, `{"to":"p","expr":`+string(appendText(nil, []byte(expr)))+`}`), nil, Options{})
		record, rejects := m.Map(nil, []byte(`{"ID":"u","A":7,"BIG":12345678901234567890,"T":"x"}`), clock)
		if got := string(record); got != `{"type":"profile","identity":"u","profileData":{"p":`+want+`}}` {
			t.Errorf("%s: got %s %v", expr, got, rejects)
		}
	}
}

func TestExpressionColumns(t *testing.T) {
	t.Parallel()
	m := compiled(t, profile(t, `{"to":"p","expr":"let x = PLAN; x + (CITY ?? \"\")"}`), nil, Options{})
	if got := strings.Join(m.Columns(), " "); got != "ID PLAN CITY" {
		t.Errorf("got %s", got)
	}
}

package mapping

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"tapline.dev/libs/jsonstring"
	"tapline.dev/schemas"
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
		line := `{"to":"p","expr":` + string(jsonstring.Append(nil, []byte(tt.expr)))
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
		m := compiled(t, profile(t, `{"to":"p","expr":`+string(jsonstring.Append(nil, []byte(expr)))+`}`), nil, Options{})
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

// TestExactExpressions: numbers with all their digits, up to the record.
func TestExactExpressions(t *testing.T) {
	t.Parallel()
	cols := columns(t, "ID TEXT; A NUMBER(38,0); N NUMBER(38,10); S TEXT; F REAL; V VARIANT; BIO TEXT")
	row := `{"ID":"u","A":5000000000,"N":12345678901234567890.1234567890,"S":"abc","F":1.5,"V":{"d":1.100000000000000e+00},"BIO":"日本語のテキスト"}`
	nulls := `{"ID":"u","A":null,"N":null,"S":"abc","F":null,"V":null,"BIO":null}`
	for _, tt := range []struct{ expr, extra, want, wantNulls string }{
		{`A * A`, `,"type":"string"`, `"25000000000000000000"`, ``},
		{`A * A`, `,"type":"float"`, `25000000000000000000`, ``},
		{`A * A`, ``, codeOutOfRange, ``},
		{`A * A`, `,"onInvalid":"omit"`, ``, ``},
		{`A + 1`, ``, `5000000001`, ``},
		{`A > 100000`, ``, `true`, ``},
		{`N`, ``, `12345678901234567890.1234567890`, ``},
		{`N + N`, `,"type":"string"`, `"24691357802469135780.2469135780"`, ``},
		{`A / 3`, ``, `1666666666.6666666666666666666666666667`, ``},
		{`F * 2`, ``, `3`, ``},
		{`V.d + 1`, ``, `2.100000000000000`, ``},
		{`BIO[0:3]`, ``, `"日本語"`, ``},
		{`int(S) + (A ?? 0)`, ``, codeExpressionFailed, codeExpressionFailed},
		{`count(1..1000, count(1..1000, # > 0) > 0)`, ``, codeExpressionBudget, codeExpressionBudget},
	} {
		spec := profile(t, `{"to":"p","expr":`+string(jsonstring.Append(nil, []byte(tt.expr)))+tt.extra+`}`)
		spec.Expressions = schemas.ExpressionsExact
		m := compiled(t, spec, cols, Options{})
		for in, want := range map[string]string{row: tt.want, nulls: tt.wantNulls} {
			record, rejects := m.Map(nil, []byte(in), clock)
			got := strings.TrimSuffix(strings.TrimPrefix(string(record), `{"type":"profile","identity":"u","profileData":{`), "}}")
			got = strings.TrimPrefix(got, `"p":`)
			if len(rejects) > 0 {
				checkReject(t, rejects[0], "")
				got = rejects[0].Code
			}
			if got != want {
				t.Errorf("%s of %s: got %s %v, want %s", tt.expr, in, got, rejects, want)
			}
		}
	}
}

// TestBudgetOfARow: all expressions of a row have one budget.
func TestBudgetOfARow(t *testing.T) {
	t.Parallel()
	one := `{"to":"p%d","expr":"sum(map(1..20000, #)) > 0"}`
	lines := make([]string, 4)
	for i := range lines {
		lines[i] = strings.Replace(one, "%d", string(rune('a'+i)), 1)
	}
	for _, exact := range []string{"", schemas.ExpressionsExact} {
		spec := profile(t, lines[:1]...)
		spec.Expressions = exact
		if _, rejects := compiled(t, spec, nil, Options{}).Map(nil, []byte(`{"ID":"u"}`), clock); rejects != nil {
			t.Errorf("one expression: %v", rejects)
		}
		spec = profile(t, lines...)
		spec.Expressions = exact
		m := compiled(t, spec, nil, Options{})
		for range 2 { // a row does not pay for the row before it
			if _, rejects := m.Map(nil, []byte(`{"ID":"u"}`), clock); len(rejects) != 1 || rejects[0].Code != codeExpressionBudget {
				t.Errorf("four expressions: %v", rejects)
			}
		}
	}
}

func TestExpressionsOfADefinitionAreBounded(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 1000 {
		lines = append(lines, `{"to":"p`+strconv.Itoa(i)+`","expr":"T matches \"(a|b|c){0,900}\""}`)
	}
	_, problems := Compile(profile(t, lines...), nil, Options{})
	checkProblems(t, problems)
	if len(problems) == 0 || problems[0].Code != codeExpressionTooLarge {
		t.Errorf("got %v", problems)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, problems := CompileContext(ctx, profile(t, lines[:1]...), nil, Options{}); len(problems) != 1 || problems[0].Code != codeExpressionTooLarge {
		t.Errorf("without time: %v", problems)
	}
}

// TestHashTellsLanguagesApart: an import that keeps the former meaning keeps its
// hash, so that nothing is sent again.
func TestHashTellsLanguagesApart(t *testing.T) {
	t.Parallel()
	hash := func(exact, line string) [16]byte {
		spec := profile(t, line)
		spec.Expressions = exact
		return compiled(t, spec, nil, Options{}).Hash()
	}
	const expr, noExpression = `{"to":"p","expr":"A + 1"}`, `"A"`
	if hash("", expr) == hash(schemas.ExpressionsExact, expr) {
		t.Error("another meaning has the same hash")
	}
	if hash("", noExpression) != hash(schemas.ExpressionsExact, noExpression) {
		t.Error("a mapping without expressions has another hash")
	}
}

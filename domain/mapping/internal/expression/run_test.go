package expression

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/expr-lang/expr/types"
)

// row is the columns that the tests' expressions read.
func row() (map[string]Column, map[string]string) {
	return map[string]Column{
			"A": {Number: true, Precision: 38}, "B": {Number: true, Precision: 38}, "N": {Number: true, Precision: 10, Scale: 2},
			"F": {Float: true}, "S": {}, "T": {}, "V": {Nested: true}, "L": {Nested: true}, "NUL": {Number: true, Precision: 38}, "NULS": {}, "OK": {Boolean: true},
		}, map[string]string{
			"A": `5000000000`, "B": `12345678901234567890123456789012345678`, "N": `10.50`, "F": `2.0`, "S": `"Zürich 漢字 😀"`, "T": `"abc"`,
			"V": `{"n":1.100000000000000e+00,"s":"100","deep":{"x":[1,2,3]},"big":12345678901234567890.5}`, "L": `[3,1,2,1]`, "NUL": `null`, "NULS": `null`, "OK": `true`,
		}
}

func compileTest(t testing.TB, text string, language Language, columns map[string]Column) (*Program, error) {
	t.Helper()
	return Compile(Source{Text: text, Language: language, Known: columns != nil, Column: func(name string) (types.Type, bool) {
		if columns == nil {
			return nil, true
		}
		c, ok := columns[name]
		return language.StaticType(c), ok
	}}, &Work{})
}

// evaluate runs a program over the row as the mapping does.
func evaluate(t testing.TB, p *Program, columns map[string]Column, values map[string]string) (string, error) {
	t.Helper()
	budget := NewBudget()
	env := map[string]any{}
	for _, name := range p.Inputs() {
		raw := values[name]
		c := columns[name]
		var err error
		switch {
		case raw == "" || raw == "null":
			env[name] = nil
		case raw[0] == '"':
			var text string
			err = json.Unmarshal([]byte(raw), &text)
			env[name] = text
		case raw == "true" || raw == "false":
			env[name] = raw == "true"
		case raw[0] == '{' || raw[0] == '[':
			env[name], err = p.Nested([]byte(raw), &budget)
		default:
			env[name], err = p.Language().Number([]byte(raw), &c)
		}
		if err != nil {
			return "", err
		}
	}
	out, err := p.Run(env, &budget)
	return strings.TrimSpace(string(out)), err
}

func TestExact(t *testing.T) {
	t.Parallel()
	columns, values := row()
	for expr, want := range map[string]string{
		// Numbers are exact, whatever their size.
		`A * A`:                          `25000000000000000000`,
		`A * A * A * A`:                  `625000000000000000000000000000000000000`,
		`B + 1`:                          `12345678901234567890123456789012345679`,
		`B * B`:                          `152415787532388367504953515625666819427831123554031397676527968299765279684`,
		`B - B`:                          `0`,
		`B % 7`:                          `2`,
		`-B`:                             `-12345678901234567890123456789012345678`,
		`9223372036854775807 + 1`:        `9223372036854775808`,
		`-9223372036854775807 - 2`:       `-9223372036854775809`,
		`3037000500 * 3037000500`:        `9223372037000250000`,
		`0.1 + 0.2 == 0.3`:               `true`,
		`N * 3`:                          `31.50`,
		`N + 0.005`:                      `10.505`,
		`N`:                              `10.50`,
		`N == 10.5`:                      `true`,
		`A > 100000`:                     `true`,
		`B >= 12345678901234567890.5`:    `true`,
		`1 / 3`:                          `0.33333333333333333333333333333333333333`,
		`2 / 3`:                          `0.66666666666666666666666666666666666667`,
		`7 / 2`:                          `3.5`,
		`8 / 2`:                          `4`,
		`1e2 / 1`:                        `100`,
		`A / 0.5`:                        `10000000000`,
		`2 ** 100`:                       `1267650600228229401496703205376`,
		`2 ** -2`:                        `0.25`,
		`1.10`:                           `1.10`,
		`12345678901234567.8901234567`:   `12345678901234567.8901234567`,
		`number("1.10") + 1`:             `2.10`,
		`number("12345678901234567890")`: `12345678901234567890`,
		`int("12345678901234567890")`:    `12345678901234567890`,
		`int(N)`:                         `10`,
		`int(-1.9)`:                      `-1`,
		`round(2.5)`:                     `3`,
		`round(-2.5)`:                    `-3`,
		`floor(-1.5)`:                    `-2`,
		`ceil(N)`:                        `11`,
		`abs(-B)`:                        `12345678901234567890123456789012345678`,
		`max(A, B, N)`:                   `12345678901234567890123456789012345678`,
		`min([3, 1.5, 2])`:               `1.5`,
		`mean([1, 2])`:                   `1.5`,
		`median([1, 3, 2])`:              `2`,
		`sum([0.1, 0.2])`:                `0.3`,
		`string(N) + "!"`:                `"10.50!"`,
		`A in [1, 5000000000]`:           `true`,
		`V.n`:                            `1.100000000000000`,
		`V.n == 1.1`:                     `true`,
		`V.big + 1`:                      `12345678901234567891.5`,
		`V.s == "100"`:                   `true`,
		// A FLOAT makes a FLOAT.
		`F + 0.5`:      `2.5`,
		`F * N`:        `21`,
		`F == 2`:       `true`,
		`float(B)`:     `12345678901234568000000000000000000000`,
		`N * float(1)`: `10.5`,
		// Texts count characters.
		`S[0:3]`:                   `"Zür"`,
		`S[7:9]`:                   `"漢字"`,
		`S[-1:]`:                   `"😀"`,
		`S[1:2]`:                   `"ü"`,
		`S[:100]`:                  `"Zürich 漢字 😀"`,
		`S[5:2]`:                   `""`,
		`len(S)`:                   `11`,
		`indexOf(S, "漢")`:          `7`,
		`S[indexOf(S, "漢"):][0:1]`: `"漢"`,
		`lastIndexOf(S, "zz")`:     `-1`,
		`upper(T) + lower("X")`:    `"ABCx"`,
		`split(T, "")`:             `["a","b","c"]`,
		`join(split("a,b", ","))`:  `"ab"`,
		`replace(T, "b", "é")`:     `"aéc"`,
		`repeat(T, 2)`:             `"abcabc"`,
		`trim("  x ")`:             `"x"`,
		`T matches "^a.c$"`:        `true`,
		`T contains "b" and T startsWith "a" and T endsWith "c"`: `true`,
		// NULL that flows into the result makes NULL.
		`NUL + 1`:                 `null`,
		`NULS + "x"`:              `null`,
		`upper(NULS)`:             `null`,
		`NUL > 1`:                 `null`,
		`NUL > 1 ? 1 : 2`:         `null`,
		`not (NUL > 1)`:           `null`,
		`NUL == nil`:              `true`,
		`NUL ?? 7`:                `7`,
		`false and NUL > 1`:       `false`,
		`NUL > 1 and false`:       `false`,
		`NUL > 1 or true`:         `true`,
		`NUL > 1 or false`:        `null`,
		`NULS in ["a"]`:           `false`,
		`V.missing`:               `null`,
		`V.missing.deeper`:        `null`,
		`V?.missing?.deeper`:      `null`,
		`NULS matches "a"`:        `null`,
		`NULS[0:2]`:               `null`,
		`max(A, NUL)`:             `null`,
		`filter([1, 2], # > NUL)`: `[]`,
		`len(NULS)`:               `null`,
		`type(NUL)`:               `"nil"`,
		`string(NUL)`:             `null`,
		`map([1], # + NUL)`:       `[null]`,
		// Lists and objects.
		`sort(L)`:          `[1,1,2,3]`,
		`uniq(L)`:          `[3,1,2]`,
		`sum(L)`:           `7`,
		`map(L, # * 2)`:    `[6,2,4,2]`,
		`filter(L, # > 1)`: `[3,2]`,
		`count(L, # == 1)`: `2`,
		`any(L, # == 3) and all(L, # > 0) and none(L, # > 9) and one(L, # == 2)`: `true`,
		`find(L, # < 3)`:                      `1`,
		`findIndex(L, # < 3)`:                 `1`,
		`findLast(L, # > 1)`:                  `2`,
		`reduce(L, #acc + #)`:                 `7`,
		`reduce(L, #acc + #, 100)`:            `107`,
		`sortBy(L, -#)`:                       `[3,2,1,1]`,
		`sortBy(L, #, "desc")`:                `[3,2,1,1]`,
		`groupBy(L, # > 1 ? "big" : "small")`: `{"big":[3,2],"small":[1,1]}`,
		`1..3`:                                `[1,2,3]`,
		`3..1`:                                `[]`,
		`first(L) + last(L)`:                  `4`,
		`take(L, 2)`:                          `[3,1]`,
		`reverse(L)`:                          `[1,2,1,3]`,
		`concat(L, [9])`:                      `[3,1,2,1,9]`,
		`flatten([[1], [2, [3]]])`:            `[1,2,3]`,
		`keys({"b": 1, "a": 2})`:              `["a","b"]`,
		`values({"b": 1, "a": 2})`:            `[2,1]`,
		`toPairs({"b": 1})`:                   `[["b",1]]`,
		`fromPairs([["a", 1]])`:               `{"a":1}`,
		`toJSON({"b": N, "a": [1]})`:          `"{\"a\":[1],\"b\":10.50}"`,
		`fromJSON("{\"a\": 1.50}").a`:         `1.50`,
		`get(V, "s")`:                         `"100"`,
		`get(L, 9)`:                           `null`,
		`V.deep.x[-1]`:                        `3`,
		`L[1:3]`:                              `[1,2]`,
		`let x = A; x + x`:                    `10000000000`,
		`$env["A"] + 1`:                       `5000000001`,
		`OK ? "y" : "n"`:                      `"y"`,
		`date("2026-11-23").Year()`:           `2026`,
		`date("2026-11-24") - date("2026-11-23") == duration("24h")`: `true`,
		`toBase64(T)`:        `"YWJj"`,
		`fromBase64("YWJj")`: `"abc"`,
		`bitand(A, 255)`:     `0`,
	} {
		p, err := compileTest(t, expr, Exact, columns)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		got, err := evaluate(t, p, columns, values)
		if err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", expr, got, err, want)
		}
	}
}

// TestExactFailures: what is not NULL by its inputs rejects, and says why
// without the value.
func TestExactFailures(t *testing.T) {
	t.Parallel()
	columns, values := row()
	for expr, want := range map[string]string{
		`int(T) + (NUL ?? 0)`:        "no number",
		`A / 0`:                      "division by zero",
		`A % 0`:                      "division by zero",
		`F / 0`:                      "division by zero",
		`V.s + 1`:                    "string(…) or number(…)",
		`V.s == 100`:                 "string(…) or number(…)",
		`V.s > 100`:                  "string(…) or number(…)",
		`V.s in [100]`:               "string(…) or number(…)",
		`V.deep + 1`:                 "an object and a number",
		`V.deep.x[7]`:                "outside of the list",
		`fromBase64("/w==")`:         "UTF-8",
		`fromJSON("{")`:              "not JSON",
		`2 ** 0.5`:                   "whole exponent",
		`2 ** 100000`:                "more digits",
		`10.0 ** 1000`:               "more digits",
		`first(reduce([], #acc))`:    "no first element",
		`timezone("Local")`:          "Local",
		`date("2026-11-23").Local()`: "Local",
		`take(L, -1)`:                "no count",
	} {
		p, err := compileTest(t, expr, Exact, columns)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		got, err := evaluate(t, p, columns, values)
		if err == nil || !strings.Contains(Reason(err), want) {
			t.Errorf("%s = %s, %v; want a failure with %q", expr, got, err, want)
		}
	}
}

// TestRefusals: what is refused at apply says what to write.
func TestRefusals(t *testing.T) {
	t.Parallel()
	columns, _ := row()
	for expr, want := range map[string]string{
		`A > "100"`:                         "write A > 100",
		`"100" <= N`:                        "write 100 <= N",
		`A == S`:                            "write A == number(S), or string(A) == S",
		`A + "x"`:                           "write string(A) + \"x\" to join them",
		`T + N`:                             "write T + string(N) to join them",
		`A in ["1", "2"]`:                   "write A in [1, 2], or string(A) in",
		`12345678901234567890 + 1`:          `number("…")`,
		`now()`:                             "now",
		`A +`:                               "unexpected token",
		`T matches "(a|b|c){0,900}{0,900}"`: "",
		`T matches "(((a|b|c){0,90}){0,90}){0,9}"`:      "",
		`T matches "(aaaaaaaaaaaaaaaaaaaa){0,900}"`:     "too large",
		`T matches "` + strings.Repeat("a", 1001) + `"`: "1001 bytes",
		strings.Repeat("A + ", 600) + "A":               "node",
		strings.Repeat(" ", 9000) + "A":                 "9001 bytes",
	} {
		_, err := compileTest(t, expr, Exact, columns)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", expr, err, want)
		}
	}
}

// TestManyExpressions: one import cannot make the checking of it endless.
func TestManyExpressions(t *testing.T) {
	t.Parallel()
	var work Work
	for i := range 4000 {
		_, err := Compile(Source{Text: `T matches "(a|b|c){0,900}"`, Column: func(string) (types.Type, bool) { return nil, true }}, &work)
		if err == nil {
			continue
		}
		var limit LimitError
		if !errors.As(err, &limit) || i > 50 {
			t.Errorf("expression %d: %v", i, err)
		}
		return
	}
	t.Error("4,000 large patterns were compiled")
}

func TestCompileEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compile(Source{Text: "1"}, &Work{Ended: ctx.Err}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

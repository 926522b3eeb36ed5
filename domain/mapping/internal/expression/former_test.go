package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/types"
)

// formerSamples are expressions whose meaning must not change for imports that
// were applied before.
var formerSamples = []string{
	`A * A`, `SMALL * SMALL * SMALL`, `A`, `N`, `SMALL / 2`, `SMALL % 3`, `-SMALL`, `SMALL ** 2`, `F + 0.5`, `F * SMALL`, `A > "100"`, `A == "5000000000"`, `A + "x"`, `N + "!"`,
	`S[0:3]`, `S[-2:]`, `len(S)`, `indexOf(S, "漢")`, `upper(T)`, `split(T, "")`, `join(split("a,b", ","), "-")`, `replace(T, "b", "é")`, `repeat(T, 2)`, `T matches "^a"`, `T matches T`,
	`V.n`, `V.s`, `V.deep.x[1]`, `V.deep.x[9]`, `V.missing`, `V.missing.deeper`, `V?.missing?.deeper`, `NUL ?? 1`, `NUL + 1`, `NULS + "x"`, `NULS matches "a"`, `NULS contains "a"`, `NUL > 1`, `not OK`, `OK and NUL`,
	`NUL ? 1 : 2`, `OK ? 1 : 2`, `OK ? SMALL : "x"`, `T in ["abc", "d"]`, `NULS in ["a"]`, `T not in ["a"]`, `"n" in V`, `SMALL in 1..10`, `1..3`, `3..1`, `[1, "a", nil]`, `{"a": 1, "b": [2]}`,
	`map(L, # * 2)`, `filter(L, # > 1)`, `count(L, # == 1)`, `all(L, # > 0)`, `any(L, # > 2)`, `none(L, # > 2)`, `one(L, # == 2)`, `find(L, # < 3)`, `findIndex(L, # < 3)`, `findLast(L, # > 1)`, `findLastIndex(L, # == 1)`,
	`sum(L)`, `sum(L, # * 2)`, `reduce(L, #acc + #)`, `reduce(L, #acc + #, 100)`, `reduce([], #acc)`, `sort(L)`, `sort(L, "desc")`, `sortBy(L, -#)`, `sortBy(L, #, "desc")`, `groupBy(L, # > 1)`, `map(L, #index)`,
	`first(L)`, `last(L)`, `take(L, 2)`, `reverse(L)`, `uniq(L)`, `concat(L, L)`, `flatten([[1], [2, [3]]])`, `max(L)`, `min(1, 2.5)`, `mean(L)`, `median(L)`, `keys({"a": 1})`, `values({"a": 1})`, `toPairs({"a": 1})`, `fromPairs([["a", 1]])`,
	`int("7")`, `int(T)`, `float("1.5")`, `string(SMALL)`, `string(L)`, `string(NUL)`, `type(SMALL)`, `type(A)`, `abs(-SMALL)`, `round(2.5)`, `ceil(F)`, `floor(F)`, `toJSON(V)`, `fromJSON("{\"a\": 1.5}").a`, `get(V, "s")`, `get(L, 9)`,
	`let x = SMALL; x + x`, `let x = upper(T); x + x`, `$env["T"]`, `date("2026-11-23")`, `date("2026-11-23").Year()`, `duration("1h")`, `toBase64(T)`, `fromBase64("YWJj")`, `fromBase64("/w==")`, `bitand(SMALL, 3)`, `bitnot(SMALL)`,
	`nil`, `"x"`, `1.5`, `true`, `nil ?? "x"`, `NULS ?? T`, `V.s == "100"`, `V.n + 1`, `V.deep`, `len(L)`, `len(V)`, `trim("  x ")`, `trimPrefix(T, "a")`, `hasSuffix(T, "c")`, `lastIndexOf(T, "c")`, `T > "abb"`, `T == nil`, `1 / 0`, `SMALL / 0`, `L == [3, 1, 2, 1]`, `T + T; SMALL`, `if OK { 1 } else { 2 }`,
	`9223372036854775807 + 1`, `map(filter(L, # > 1), # + 1)`, `count(1..20, # % 2 == 0)`, `V.deep.x | len()`, `not (NUL > 1)`, `OK == nil`, `L[1:3]`, `L[-1]`,
}

// machineOfBefore is expr-lang's virtual machine, which evaluated expressions
// before this package did.
func machineOfBefore(text string, columns map[string]Column, env map[string]any) (result []byte, compiled bool, err error) {
	known := types.Map{}
	for name, c := range columns {
		known[name] = Former.StaticType(c)
	}
	program, err := expr.Compile(text, expr.Env(known), expr.MaxNodes(maxNodes), expr.DisableBuiltin("now"))
	if err != nil {
		return nil, false, err
	}
	v, err := expr.Run(program, env)
	if err != nil {
		return nil, true, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err = e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), true, err
}

// TestFormerMeansWhatItMeant compares with expr-lang's virtual machine.
func TestFormerMeansWhatItMeant(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, text := range formerSamples {
		if compareWithBefore(t, text) {
			compared++
		}
	}
	if compared < len(formerSamples)*9/10 {
		t.Errorf("only %d of %d expressions were compared", compared, len(formerSamples))
	}
}

// compareWithBefore reports whether the expression could be compared.
func compareWithBefore(t *testing.T, text string) bool {
	t.Helper()
	columns, values := row()
	columns["SMALL"], values["SMALL"] = Column{Number: true, Precision: 9}, "7"
	p, err := compileTest(t, text, Former, columns)
	if err != nil {
		return false
	}
	env, anyNull := map[string]any{}, false
	budget := NewBudget()
	for _, name := range p.Inputs() {
		c := columns[name]
		switch raw := values[name]; {
		case raw == "null":
			env[name], anyNull = nil, true
		case raw == "true":
			env[name] = true
		case raw[0] == '"':
			env[name] = raw[1 : len(raw)-1]
		case raw[0] == '{', raw[0] == '[':
			if env[name], err = p.Nested([]byte(raw), &budget); err != nil {
				t.Fatal(err)
			}
		default:
			if env[name], err = Former.Number([]byte(raw), &c); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := p.Run(env, &budget)
	if errors.Is(err, ErrBudget) {
		return false
	}
	want, compiled, wantErr := machineOfBefore(text, columns, env)
	if !compiled {
		return false // it optimizes, and finds a failure that has no row
	}
	if strings.Contains(string(want), "\\ufffd") || strings.Contains(string(want), "\uFFFD") {
		if err == nil {
			t.Errorf("%s: half a character became %s", text, got)
		}
		return false
	}
	if wantErr != nil && anyNull {
		want, wantErr = []byte("null"), nil
	}
	if (err != nil) != (wantErr != nil) || err == nil && string(bytes.TrimSpace(got)) != string(want) {
		t.Errorf("%s: got %s, %v; before it was %s, %v", text, got, err, want, wantErr)
	}
	return true
}

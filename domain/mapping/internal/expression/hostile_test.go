package expression

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/memtest"
)

// hostile are expressions that once killed or stopped a process.
var hostile = []string{
	`reduce(1..40, {#acc + #acc}, S)`,
	`reduce(1..40, #acc + #acc, S)`,
	`reduce(1..60, [#acc, #acc], 1)`,
	`reduce(1..60, {"a": #acc, "b": #acc}, 1)`,
	`string(reduce(1..60, [#acc, #acc], 1))`,
	`toJSON(reduce(1..60, [#acc, #acc], 1))`,
	`flatten(reduce(1..60, [#acc, #acc], 1))`,
	`max(reduce(1..60, [#acc, #acc], 1))`,
	`reduce(1..60, [#acc, #acc], 1) == reduce(1..60, [#acc, #acc], 2)`,
	`1 in reduce(1..60, [#acc, #acc], 1)`,
	`let l = 1..1000; count(l, count(l, count(l, # > 0) > 0) > 0)`,
	`count(1..1000, count(1..1000, count(1..1000, # > 0) > 0) > 0)`,
	`len(1..1000000000)`,
	`1..9223372036854775807`,
	`-9223372036854775807..9223372036854775807`,
	`repeat(S, 1000000000)`,
	`repeat(repeat(repeat(S, 1000), 1000), 1000)`,
	`let a = repeat(T, 1000000); let b = a + a; let c = b + b; let d = c + c; let e = d + d; e + e`,
	`replace(repeat("a", 100000), "", repeat("b", 100000))`,
	`replace(repeat("a", 1000000), "a", repeat("b", 1000000))`,
	`join(map(1..100000, "x"), repeat("y", 100000))`,
	`split(repeat("a", 10000000), "")`,
	`sortBy(1..100000, repeat("a", 1000000))`,
	`sort(map(1..10000, repeat("a", 100000)))`,
	`uniq(1..100000)`,
	`uniq(map(1..100, repeat("a", 100000) + string(#)))`,
	`repeat("a", 10000000) matches "(a|aa|b)*c"`,
	`map(1..10000, repeat("a", 1000) matches "(a|aa){0,90}c")`,
	`reduce(1..100000, concat(#acc, #acc), [1])`,
	`reduce(1..100000, [#acc], 1)`,
	`toJSON(reduce(1..9000, [#acc], 1))`,
	`groupBy(1..100000, 1)`,
	`fromJSON(repeat("[", 1000000))`,
	`2 ** 100000000`,
	`reduce(1..1000, #acc * #acc, 10)`,
	`toBase64(toBase64(repeat("a", 16000000)))`,
	`upper(repeat("ŉ", 8000000))`,
}

// TestHostileExpressions runs them in a process of 2 GiB of address space, and
// takes any death for a failure.
func TestHostileExpressions(t *testing.T) {
	t.Parallel()
	if memtest.Little(t, "2147483648") {
		runHostile(t)
	}
}

func runHostile(t *testing.T) {
	columns, values := row()
	values["S"] = `"` + strings.Repeat("x", 1000) + `"`
	for _, language := range []Language{Exact, Former} {
		refused := 0
		for _, text := range hostile {
			p, err := compileTest(t, text, language, columns)
			if err != nil {
				continue // refused at apply is as good
			}
			begun := time.Now()
			_, err = evaluate(t, p, columns, values)
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("language %d: %s took %s", language, text, took)
			}
			if errors.Is(err, ErrBudget) {
				refused++
			} else if err != nil && language == Former {
				t.Logf("%s: %v", text, err)
			}
		}
		if refused < len(hostile)*3/4 {
			t.Errorf("language %d: the budget ended only %d of %d", language, refused, len(hostile))
		}
	}
}

// TestBudgetIsTheSameEverywhere: the same row costs the same steps each time.
func TestBudgetIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	columns, values := row()
	p, err := compileTest(t, `join(keys(V)) + string(sum(map(L, # * 2))) + toJSON(V)`, Exact, columns)
	if err != nil {
		t.Fatal(err)
	}
	var first Budget
	for i := range 50 {
		budget := NewBudget()
		env := map[string]any{}
		for _, name := range []string{"V", "L"} {
			if env[name], err = p.Nested([]byte(values[name]), &budget); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Run(env, &budget); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = budget
		}
		if budget != first || budget.steps == MaxSteps || budget.bytes == MaxBytes {
			t.Fatalf("pass %d left %+v, the first left %+v", i, budget, first)
		}
	}
}

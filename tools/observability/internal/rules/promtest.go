package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tapline.dev/tools/observability/internal/window"
)

type testFile struct {
	RuleFiles          []string   `yaml:"rule_files"`
	EvaluationInterval string     `yaml:"evaluation_interval"`
	Tests              []testCase `yaml:"tests"`
}

type testCase struct {
	Name     string     `yaml:"name"`
	Interval string     `yaml:"interval"`
	Series   []Series   `yaml:"input_series"`
	Exprs    []testExpr `yaml:"promql_expr_test"`
}

type testExpr struct {
	Expr     string       `yaml:"expr"`
	EvalTime string       `yaml:"eval_time"`
	Samples  []testSample `yaml:"exp_samples"`
}

type testSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// Tests are promtool's files by name: each alert with a series that fires it and one that
// does not. They hold for the windows of production only.
func Tests(ruleFiles ...string) (map[string][]byte, error) {
	minutes := testFile{RuleFiles: ruleFiles, EvaluationInterval: "1m"}
	halfHours := testFile{RuleFiles: ruleFiles, EvaluationInterval: "30m"}
	for _, a := range All() {
		into := &minutes
		if a.Every != 0 {
			into = &halfHours
		}
		cases, err := a.tests()
		if err != nil {
			return nil, err
		}
		into.Tests = append(into.Tests, cases...)
	}
	minutes.Tests = append(minutes.Tests, ownSeverity())
	out := map[string][]byte{}
	for name, f := range map[string]testFile{"tests.yaml": minutes, "tests-of-days.yaml": halfHours} {
		text, err := Encode(f)
		if err != nil {
			return nil, err
		}
		out[name] = text
	}
	return out, nil
}

func (a Alert) tests() ([]testCase, error) {
	fires, err := a.test("fires", a.Fires, true)
	if err != nil {
		return nil, err
	}
	if a.Severity == None {
		return []testCase{fires}, nil // the dead man's switch is never quiet
	}
	quiet, err := a.test("is quiet", a.Quiet, false)
	return []testCase{fires, quiet}, err
}

// ownSeverity is an import that says by its label that nobody is to be woken for it.
func ownSeverity() testCase {
	return testCase{
		Name: "an import's own severity decides", Interval: "1m",
		Series: []Series{
			{`tapline_import_info{import="orders", owner="ann", team="growth", severity="ticket", account="main", connection="warehouse", type="profile"}`, "1x20"},
			orders("tapline_import_health", `health="failing"`, "1x20"),
		},
		Exprs: []testExpr{{
			Expr: `count by (severity) (ALERTS{alertname="TaplineImportFailing", alertstate="firing"})`, EvalTime: "7m",
			Samples: []testSample{{Labels: `{severity="ticket"}`, Value: 1}},
		}},
	}
}

func (a Alert) test(what string, series []Series, fires bool) (testCase, error) {
	if a.At == 0 || !fires && len(series) == 0 {
		return testCase{}, fmt.Errorf("the alert %s has no series for the test in which it %s", a.Name, what)
	}
	labels := map[string]string{"severity": a.Severity}
	maps.Copy(labels, a.Labels)
	by := slices.Sorted(maps.Keys(labels))
	expr := testExpr{
		Expr:     fmt.Sprintf(`count by (%s) (ALERTS{alertname=%q, alertstate="firing"})`, strings.Join(by, ", "), a.Name),
		EvalTime: window.Print(a.At),
	}
	if fires {
		var pairs []string
		for _, name := range by {
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, labels[name]))
		}
		expr.Samples = []testSample{{Labels: "{" + strings.Join(pairs, ", ") + "}", Value: 1}}
	}
	every := time.Minute
	if a.Every != 0 {
		every = a.Every
	}
	out := testCase{Name: a.Name + " " + what, Interval: window.Print(every), Series: series, Exprs: []testExpr{expr}}
	if fires && a.For >= time.Minute {
		// Not at once: a short disturbance tells nobody.
		early := expr
		early.EvalTime, early.Samples = "0m", nil
		out.Exprs = append(out.Exprs, early)
	}
	return out, nil
}

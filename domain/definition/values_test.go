package definition

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const withValues = `apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: customers}
spec:
  source:
    connectionRef: warehouse
    query: select * from ${vars.database}.${vars.schema}.customers
  destination: {accountRef: main, type: profile}
  identity: {column: ID}
  mapping: [EMAIL]
  priority: ${vars.priority}
  limits: {deadline: "${vars.deadline}"}
`

func readWith(t *testing.T, values, text string) (Set, *Values, string) {
	t.Helper()
	v, problems := ReadValues("prod.yaml", []byte(values))
	set, more := ParseAll([]Source{{Name: "customers.yaml", Data: []byte(text)}}, Options{Values: v})
	problems = append(append(problems, more...), v.Unused()...)
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Error())
	}
	return set, v, strings.Join(lines, "\n")
}

func TestValues(t *testing.T) {
	t.Parallel()
	set, v, problems := readWith(t, "database: SHOP\nschema: PUBLIC\npriority: 7\ndeadline: 2h\n", withValues)
	if problems != "" {
		t.Fatal(problems)
	}
	spec := set.Imports[0].Spec
	if spec.Source.Query != "select * from SHOP.PUBLIC.customers" || spec.Priority != 7 || spec.Limits.Deadline.String() != "2h" {
		t.Errorf("resolved to %+v", spec)
	}
	if diff := cmp.Diff(map[string]string{"database": "SHOP", "schema": "PUBLIC", "priority": "7", "deadline": "2h"}, v.Used()); diff != "" {
		t.Errorf("used (-want +got):\n%s", diff)
	}
}

// TestValuesAreResolvedBeforeTheCheck: what a value makes wrong is a problem of the
// definition, at its place.
func TestValuesRefused(t *testing.T) {
	t.Parallel()
	const all = "database: SHOP\nschema: PUBLIC\npriority: 7\ndeadline: 2h\n"
	connection := `apiVersion: tapline.dev/v1alpha1
kind: SnowflakeConnection
metadata: {name: warehouse}
spec: {account: acme-eu1, user: "${vars.user}", password: "ref+env://${vars.secret}"}
`
	for name, tt := range map[string]struct{ values, text, want string }{
		"unknown":                {"schema: PUBLIC\npriority: 7\ndeadline: 2h\n", withValues, "customers.yaml:7:12: spec.source.query: there is no database in prod.yaml"},
		"unused":                 {all + "shema: X\n", withValues, "prod.yaml:5:8: shema: no definition uses ${vars.shema}"},
		"of the wrong type":      {strings.Replace(all, "7", "high", 1), withValues, "spec.priority"},
		"inside a secret":        {"user: TAPLINE\nsecret: SNOWFLAKE_PW\n", connection, "spec.password: a secret reference takes no ${vars.…}"},
		"a list":                 {all + "x: [1]\n", withValues, "a value is a text, a number, true or false"},
		"no value":               {all + "x:\n", withValues, "a value is a text, a number, true or false"},
		"given twice":            {all + "schema: Y\n", withValues, "the name is given twice"},
		"no object":              {"- a\n", withValues, "a values file is an object"},
		"no YAML":                {"a: [\n", withValues, "not YAML"},
		"a name that cannot be":  {all + "a.b: 1\n", withValues, "the name of a value has letters"},
		"a reference to nothing": {all, strings.Replace(withValues, "${vars.schema}", "${vars.}", 1), "there is no  in prod.yaml"},
	} {
		if _, _, problems := readWith(t, tt.values, tt.text); !strings.Contains(problems, tt.want) {
			t.Errorf("%s: problems are\n%s\nwant %s", name, problems, tt.want)
		}
	}
}

// TestValuesInAQueryFile: SQL in a file of its own takes them as well.
func TestValuesInAQueryFile(t *testing.T) {
	t.Parallel()
	text := strings.Replace(withValues, "query: select * from ${vars.database}.${vars.schema}.customers", "queryFile: q.sql", 1)
	for file, want := range map[string]string{"select * from ${vars.schema}.t": "select * from PUBLIC.t", "select '${vars.none}'": ""} {
		v, _ := ReadValues("prod.yaml", []byte("schema: PUBLIC\npriority: 7\ndeadline: 2h\n"))
		set, problems := ParseAll([]Source{{Name: "c.yaml", Data: []byte(text), ResolveFile: func(string) ([]byte, error) { return []byte(file), nil }}}, Options{Values: v})
		if (want == "") != (len(problems) > 0) || want != "" && set.Imports[0].Spec.Source.Query != want {
			t.Errorf("%s: %v, %+v", file, problems, set.Imports)
		}
	}
}

// TestWithoutValuesNothingIsResolved: the server reads definitions as they are.
func TestWithoutValuesNothingIsResolved(t *testing.T) {
	t.Parallel()
	text := strings.Replace(strings.Replace(withValues, "  priority: ${vars.priority}\n", "", 1), "  limits: {deadline: \"${vars.deadline}\"}\n", "", 1)
	set, problems := Parse("c.yaml", []byte(text), nil)
	if len(problems) > 0 || !strings.Contains(set.Imports[0].Spec.Source.Query, "${vars.database}") {
		t.Errorf("%v %+v", problems, set.Imports)
	}
	if _, problems := ParseAll([]Source{{Name: "c.yaml", Data: []byte(text)}}, Options{Values: NoValues()}); len(problems) == 0 || !strings.Contains(problems[0].Message, "--values") {
		t.Errorf("without a values file: %v", problems)
	}
}

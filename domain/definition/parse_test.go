package definition

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

func TestParseFiles(t *testing.T) {
	t.Parallel()
	set, problems := ParseFiles("testdata/shop.yaml")
	for _, p := range problems {
		t.Error(p)
	}
	if len(set.Imports) != 2 || len(set.Resources) != 3 {
		t.Fatalf("got %d imports and %d resources", len(set.Imports), len(set.Resources))
	}
	if problems := append(set.CheckReferences(nil), set.CheckMappings(anyAccount)...); problems != nil {
		t.Error(problems)
	}
	spec := set.Imports[0].Spec
	if spec.Timezone != "Europe/Berlin" || spec.Limits.Deadline.Std() != 2*time.Hour || spec.Limits.MaxRejectRatio != 0.2 || len(spec.Schedules) != 3 {
		t.Errorf("defaults are not merged under the import: %+v", spec)
	}
	if !strings.Contains(spec.Source.Query, "shop.public.customers") || spec.Source.QueryFile != "" {
		t.Errorf("the query file is not read: %+v", spec.Source)
	}
	if got := string(spec.Mapping[9].Default); got != "12345678901234567" {
		t.Errorf("default = %s", got)
	}
	if diff := cmp.Diff(schemas.Property{From: "EMAIL", To: "Email"}, spec.Mapping[1]); diff != "" {
		t.Error(diff)
	}
	if got := spec.Schedules[1].DaysOfMonth; !cmp.Equal(got, []schemas.MonthDay{1, schemas.LastDay}) {
		t.Errorf("daysOfMonth = %v", got)
	}
	if got := set.Imports[1].Spec.Schedules; len(got) != 1 || got[0].Every.Std() != 24*time.Hour {
		t.Errorf("schedules of purchases = %+v", got)
	}
}

func anyAccount(string) mapping.Options { return mapping.Options{} }

// edit returns shop.yaml with one text replaced.
func edit(t *testing.T, old, replacement string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("shop.yaml has no %q", old)
	}
	return []byte(strings.Replace(string(data), old, replacement, 1))
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, old, replacement, want, code string }{
		{"unknown key", "type: string, onInvalid", "tpye: string, onInvalid", "shop.yaml:34:35: spec.mapping[3].tpye: unknown key; did you mean type?", codeUnknownKey},
		{"unknown key at the top", "spec: {account", "specs: {account", "shop.yaml:4:1: specs: unknown key; did you mean spec?", codeUnknownKey},
		{"wrong type", "partitions: 6", `partitions: "6"`, "spec.topic.partitions: write a whole number", codeWrongType},
		{"number as text", "role: TAPLINE_READ", "role: 12", "spec.role: a text is expected; put it in quotes", codeWrongType},
		{"list expected", "after: [customers]", "after: customers", "spec.after: write a list here", codeWrongType},
		{"empty value", "after: [customers]", "after:", "spec.after: the key has no value", codeWrongType},
		{"key twice", "region: in1,", "region: in1, region: in1,", "spec.region: the key is given already in line 10", codeDuplicateKey},
		{"bad duration", "lookback: 15m", "lookback: 15", `spec.source.cursor.lookback: "15" is not a duration`, codeValueInvalid},
		{"bad size", "4MiB", "4 megs", "spec.bytesPerUpload:", codeValueInvalid},
		{"bad day", "[1, last]", "[32]", "spec.schedules[1].daysOfMonth[0]:", codeValueInvalid},
		{"bad time", "2026-12-01T09:00:00Z", "tomorrow", "spec.schedules[2].at:", codeValueInvalid},
		{"bad nulls", "nulls: {coalesce: CREATED_AT}", "nulls: maybe", "spec.source.cursor.nulls:", codeValueInvalid},
		{"kind", "kind: Import\nmetadata: {name: purchases}", "kind: Imports\nmetadata: {name: purchases}", "kind: kind is one of", codeKindUnknown},
		{"apiVersion", "apiVersion: tapline.dev/v1alpha1\nkind: CleverTap", "apiVersion: v2\nkind: CleverTap", "shop.yaml:7:13: apiVersion:", codeKindUnknown},
		{"name", "{name: purchases}", "{name: Purchases_1}", "metadata.name:", codeName},
		{"same name", "{name: purchases}", "{name: customers}", "metadata.name: Import customers is defined already at shop.yaml:20", codeDuplicate},
		{"missing connection", "connectionRef: warehouse\n", "connectionRef: wharehouse\n", "spec.source.connectionRef: there is no SnowflakeConnection wharehouse", codeReference},
		{"missing import", "after: [customers]", "after: [clients]", "spec.after[0]: there is no Import clients", codeReference},
		{"secret", "ref+env://CT_PASS", "hunter2", "spec.passcode: a secret never stands in a definition", codeSecretPlain},
		{"secret reference", "ref+file:///run", "ref+vault:///run", "spec.privateKey: unknown kind of secret reference", codeValueInvalid},
		{"two credentials", "role: TAPLINE_READ", "password: ref+env://P", "spec: give exactly one of privateKey", codeConflict},
		{"region", "region: in1", "region: in9", `spec.region: "in9" is none of`, codeValueInvalid},
		{"query file", "customers.sql", "clients.sql", "spec.source.queryFile: clients.sql cannot be read", codeQueryFile},
		{"query and table", "queryFile: customers.sql", "queryFile: customers.sql\n    table: A", "spec.source: give exactly one of", codeConflict},
		{"table", "table: SHOP.PUBLIC.PURCHASES", "table: SHOP..PURCHASES", "spec.source.table:", codeValueInvalid},
		{"zone", "Europe/Berlin", "Berlin", `spec.timezone: "Berlin" is no time zone`, codeTimezone},
		{"schedule", "{every: 1d}", "{every: 1d, cron: 0 9 * * 1}", "spec.schedules[0]:", codeSchedule},
		{"event in a profile import", "type: profile}", "type: profile, event: {name: X}}", "spec.destination.event: event belongs to type: event", codeConflict},
		{"destination", "type: profile}", "type: profiles}", `spec.destination.type: "profiles" is neither`, codeValueInvalid},
		{"restricted event", "name: Purchase,", "name: app  launched,", "spec.destination.event.name:", "event_restricted"},
		{"prohibited name", "to: plan tier", "to: plan.tier", "spec.mapping[3].to:", "name_invalid"},
		{"format", "yyyy/MM/dd", "yyyy.MM.dd", "spec.mapping[4].format:", "format_unknown"},
		{"waits for itself", "after: [customers]", "after: [purchases]", "spec.after[0]: an import cannot wait for itself", codeConflict},
		{"syntax", "labels: {team", "labels: {{team", "shop.yaml:", codeYAMLSyntax},
		{"ratio", "maxRejectRatio: 0.2", "maxRejectRatio: 1.5", "spec.limits.maxRejectRatio:", codeValueInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, problems := Parse("shop.yaml", edit(t, tt.old, tt.replacement), func(name string) ([]byte, error) {
				return os.ReadFile("testdata/" + name)
			})
			problems = append(problems, set.CheckReferences(nil)...)
			problems = append(problems, set.CheckMappings(anyAccount)...)
			for _, p := range problems {
				if strings.Contains(p.Error(), tt.want) && p.Code == tt.code && p.Line > 0 {
					if _, known := schemas.LookupError(p.Code); !known {
						t.Errorf("%s is not in the catalogue", p.Code)
					}
					return
				}
			}
			t.Errorf("no problem %q with code %s in %v", tt.want, tt.code, problems)
		})
	}
}

// TestAllAtOnce finds every mistake of a file in one reading, in its order: what
// cannot be read hides no mistake elsewhere and makes none up.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	set, problems := Parse("a.yaml", []byte(`
apiVersion: tapline.dev/v1alpha1
kind: CleverTapAccount
metadata: {name: One}
spec: {regoin: in1, slots: many, passcode: x}
---
apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: two, colour: red}
spec:
  timezone: [UTC]
  source: {connectionRef: W, qurey: select 1, cursor: {columm: A}}
  destination: {accountRef: c, type: profile}
  identity: {column: ID}
  mapping: [{from: A, to: a.b}, {from: 7, to: c}, {tpye: string, from: D, to: A.B}, {from: E, to: e, type: int}]
  after: [1]
  catchUp: never
---
apiVersion: tapline.dev/v1alpha1
kind: Thing
`), nil)
	problems = append(problems, set.CheckMappings(anyAccount)...)
	var got []string
	for _, p := range problems {
		got = append(got, p.Path+" "+p.Code)
	}
	want := []string{
		"metadata.name name_rfc1123", "spec.regoin unknown_key", "spec.slots wrong_type", "spec.passcode secret_plain",
		"metadata.colour unknown_key", "spec.timezone wrong_type", "spec.source.connectionRef name_rfc1123", "spec.source.qurey unknown_key",
		"spec.source.cursor.columm unknown_key", "spec.mapping[1].from wrong_type", "spec.mapping[2].tpye unknown_key", "spec.after[0] wrong_type",
		"spec.catchUp value_invalid", "kind kind_unknown",
		"spec.mapping[0].to name_invalid", "spec.mapping[2].to name_invalid", "spec.mapping[3].type value_invalid",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreNotRepeated(t *testing.T) {
	t.Parallel()
	_, problems := Parse("a.yaml", edit(t, "ref+env://CT_PASS", "hunter2"), nil)
	for _, p := range problems {
		if strings.Contains(p.Error(), "hunter2") {
			t.Errorf("%s shows the secret", p)
		}
	}
}

func TestParseFilesMissing(t *testing.T) {
	t.Parallel()
	_, problems := ParseFiles("testdata/nowhere.yaml")
	if len(problems) != 1 || problems[0].File != "testdata/nowhere.yaml" {
		t.Errorf("got %v", problems)
	}
}

func TestCircle(t *testing.T) {
	t.Parallel()
	data := string(edit(t, "identity: {column: CUSTOMER_ID}\n  mapping:\n", "identity: {column: CUSTOMER_ID}\n  after: [purchases]\n  mapping:\n"))
	set, _ := Parse("a.yaml", []byte(data), func(string) ([]byte, error) { return []byte("select 1"), nil })
	problems := set.CheckReferences(nil)
	if len(problems) != 2 || !strings.Contains(problems[0].Message, "customers after purchases after customers") {
		t.Errorf("got %v", problems)
	}
}

func TestDefaultsAppliedBefore(t *testing.T) {
	t.Parallel()
	before := schemas.Resource{Kind: schemas.KindImportDefaults, Metadata: schemas.Metadata{Name: "old"}, Spec: []byte(`{"priority": 7}`)}
	data := edit(t, "{name: all}", "{name: young}")
	set, _ := ParseAll([]Source{{Name: "a", Data: data, ResolveFile: func(string) ([]byte, error) { return nil, errors.New("none") }}}, Options{Defaults: []schemas.Resource{before}})
	if got := set.Imports[1].Spec; got.Priority != 7 || got.Timezone != "Europe/Berlin" {
		t.Errorf("defaults are not merged: %+v", got)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, over, want string }{
		{`{"a":1,"b":{"c":1,"d":2}}`, `{"b":{"d":3}}`, `{"a":1,"b":{"c":1,"d":3}}`},
		{`{"a":[1,2]}`, `{"a":[3]}`, `{"a":[3]}`},
		{`{"a":{"b":1}}`, `{"a":"x"}`, `{"a":"x"}`},
		{``, `{"a":1}`, `{"a":1}`},
		{`{"a":12345678901234567890}`, ``, `{"a":12345678901234567890}`},
	} {
		if got := string(Merge([]byte(tt.base), []byte(tt.over))); got != tt.want {
			t.Errorf("Merge(%s, %s) = %s, want %s", tt.base, tt.over, got, tt.want)
		}
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for query, ok := range map[string]bool{
		"select 1": true,
		" -- a; b\n(with x as (select 1) select * from x) ; -- end": true,
		"select ';' from \"a;b\" where x = $$;$$ /* ; */":           true,
		`select 'it''s; \' ;'`:                                      true,
		"select 1; select 2":                                        false,
		"delete from t":                                             false,
		"show tables":                                               false,
		"":                                                          false,
	} {
		var f findings
		checkQuery(&f, query)
		if (len(f) == 0) != ok {
			t.Errorf("checkQuery(%q) = %v", query, f)
		}
	}
}

// TestTooLarge stops at aliases of aliases, which grow without end.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("apiVersion: tapline.dev/v1alpha1\nkind: Import\nmetadata: {name: a}\nspec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		n, m := string(rune('0'+i)), string(rune('0'+i-1))
		b.WriteString("  a" + n + ": &a" + n + " [*a" + m + ", *a" + m + ", *a" + m + ", *a" + m + ", *a" + m + ", *a" + m + ", *a" + m + ", *a" + m + "]\n")
	}
	b.WriteString("  after: *a8\n")
	_, problems := Parse("a", []byte(b.String()), nil)
	if len(problems) == 0 {
		t.Error("no problem")
	}
}

func TestAnImportThatNoRecordHolds(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{1: 0, 70: 1} {
		doc := "apiVersion: tapline.dev/v1alpha1\nkind: Import\nmetadata: {name: a}\nspec:\n" +
			"  source: {connectionRef: c, query: \"SELECT ID FROM T\"}\n" +
			"  identity: {column: ID}\n  destination: {accountRef: d, type: profile}\n  mapping: [{from: ID, to: x}" + strings.Repeat(", {to: y, expr: \"'"+strings.Repeat("x", 8000)+"'\"}", size) + "]\n"
		_, problems := Parse("a", []byte(doc), nil)
		n := 0
		for _, p := range problems {
			if p.Path == "spec" {
				n++
			}
		}
		if n != want {
			t.Errorf("%d long expressions: %v, want %d problems of the spec's size", size, problems, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add("a: &a [*a]")
	f.Add("apiVersion: tapline.dev/v1alpha1\nkind: Import\nmetadata: {name: a}\nspec: {mapping: [{to: a, value: .inf}]}")
	f.Fuzz(func(t *testing.T, text string) {
		set, problems := Parse("f", []byte(text), nil)
		for _, p := range problems {
			if _, known := schemas.LookupError(p.Code); !known {
				t.Errorf("%s is not in the catalogue", p.Code)
			}
		}
		for i := range set.Imports {
			if len(problems) == 0 && !ValidName(set.Imports[i].Metadata.Name) {
				t.Errorf("import without a valid name passed")
			}
		}
		set.CheckReferences(nil)
		set.CheckMappings(anyAccount)
	})
}

// TestDrafts: what is not there yet refuses no draft, and is said.
// TestADraftThatMapsNothing has a mapping that is a list: what is written of it can be read
// again.
func TestADraftThatMapsNothing(t *testing.T) {
	t.Parallel()
	text := `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"begun"},"spec":{"draft":true}}`
	for range 2 {
		set, problems := ParseAll([]Source{{Name: "a", Data: []byte(text)}}, Options{})
		if len(problems) > 0 || len(set.Imports) != 1 || set.Imports[0].Spec.Mapping == nil {
			t.Fatalf("%s: %v, %+v", text, problems, set.Imports)
		}
		raw, err := json.Marshal(map[string]any{"apiVersion": schemas.APIVersion, "kind": schemas.KindImport, "metadata": set.Imports[0].Metadata, "spec": set.Imports[0].Spec})
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
}

func TestDrafts(t *testing.T) {
	t.Parallel()
	text := "apiVersion: tapline.dev/v1alpha1\nkind: Import\nmetadata: {name: customers}\nspec:\n  draft: true\n  destination: {type: profile, accountRef: nowhere}\n"
	set, problems := Parse("a.yaml", []byte(text), nil)
	problems = append(problems, set.CheckReferences(nil)...)
	problems = append(problems, set.CheckMappings(func(string) mapping.Options { return mapping.Options{} })...)
	if len(problems) > 0 || len(set.Imports) != 1 {
		t.Fatalf("the draft was refused: %v", problems)
	}
	missing := map[string]bool{}
	for _, p := range set.Missing("customers") {
		missing[p.Path] = true
		if p.Line == 0 || p.Message == "" {
			t.Errorf("%+v says neither where nor what", p)
		}
	}
	for _, path := range []string{"spec.source", "spec.source.connectionRef", "spec.mapping", "spec.identity.column", "spec.destination.accountRef"} {
		if !missing[path] {
			t.Errorf("nothing is said of %s: %v", path, set.Missing("customers"))
		}
	}
	// The same without draft is refused, for the same.
	_, problems = Parse("a.yaml", []byte(strings.Replace(text, "draft: true", "draft: false", 1)), nil)
	if len(problems) == 0 {
		t.Error("an incomplete import was taken")
	}
	// What cannot be read or named is refused of a draft as well.
	for _, bad := range []string{
		strings.Replace(text, "type: profile", "tpye: profile", 1),
		strings.Replace(text, "name: customers", "name: Customers!", 1),
		strings.Replace(text, "draft: true", "draft: maybe", 1),
	} {
		if _, problems := Parse("a.yaml", []byte(bad), nil); len(problems) == 0 {
			t.Errorf("taken:\n%s", bad)
		}
	}
	complete, problems := Parse("b.yaml", []byte("apiVersion: tapline.dev/v1alpha1\nkind: Import\nmetadata: {name: c}\nspec:\n  draft: true\n"+
		"  source: {connectionRef: w, table: T, cursor: {column: C, initial: 2026-11-01T00:00:00Z}}\n  identity: {column: ID}\n"+
		"  destination: {type: profile, accountRef: a}\n  mapping: [NAME]\n"), nil)
	if len(problems) > 0 || complete.Missing("c") != nil {
		t.Errorf("a complete draft lacks %v, %v", complete.Missing("c"), problems)
	}
}

func TestInitial(t *testing.T) {
	t.Parallel()
	for initial, good := range map[string]bool{
		"2026-11-01T00:00:00Z": true, "2026-11-01T00:00:00.123+01:00": true, "2026-11-01": true, "2026-11-01T00:00:00": true,
		"yesterday": false, "1761955200": false, "2026-13-01": false, "9999-12-31T23:59:59-14:00": false,
	} {
		_, problems := Parse("a.yaml", []byte("apiVersion: tapline.dev/v1alpha1\nkind: Import\nmetadata: {name: c}\nspec:\n"+
			"  source: {connectionRef: w, table: T, cursor: {column: C, initial: '"+initial+"'}}\n  identity: {column: ID}\n"+
			"  destination: {type: profile, accountRef: a}\n  mapping: [NAME]\n"), nil)
		if good != (len(problems) == 0) {
			t.Errorf("%s: %v", initial, problems)
		}
	}
}

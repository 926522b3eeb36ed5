package definition_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/definition"
	"tapline.dev/schemas"
)

// awkward are texts that YAML reads as something else unless they are quoted, or that its
// blocks cannot hold.
var awkward = []string{
	"plain", "007", "1e3", "0x1F", "1_000", "12:30:45", "2026-12-01", "2026-12-01T09:00:00Z", "yes", "No", "on", "~", "null", "", " ", "true",
	"- item", "key: value", "# no comment", "a # comment", "'", `"`, `a"b'c`, "*alias", "&anchor", "!tag", "%directive", "@at", "`tick`", "{a: b}", "[1]", "a, b",
	"select 1\nfrom t", "select 1\nfrom t\n", "select 1\nfrom t\n\n", "  first line indented\nsecond", "\nstarts empty", "tab\there\n\tand there", "trailing blank \nnext",
	"Zoë 日本 🎉", "\u00a0", "a\u2028b", "\ufeffx", "\\n", "line\r\nends", "<<", "=", ".inf", ".nan", "-.5", "+1", "-", "--- a", "... b", "?", ":", "x:", "|", ">",
}

// TestYAMLIsReadAgain: what YAML writes is read as the definition that it was made of,
// whatever texts it holds.
func TestYAMLIsReadAgain(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range append(files, "testdata/shop.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		set, problems := definition.Parse(file, text, func(name string) ([]byte, error) {
			return os.ReadFile(filepath.Join(filepath.Dir(file), name))
		})
		if len(problems) > 0 {
			t.Fatalf("%s: %v", file, problems)
		}
		for _, d := range set.Imports {
			again(t, d)
		}
		for _, r := range set.Resources {
			d, problems := definition.Parse("again", written(t, r), nil)
			if len(problems) > 0 || len(d.Resources) != 1 {
				t.Fatalf("%s %s: %v", file, r.Metadata.Name, problems)
			}
			if diff := cmp.Diff(r, d.Resources[0], cmp.Transformer("json", func(raw json.RawMessage) (v any) {
				if json.Unmarshal(raw, &v) != nil {
					return string(raw)
				}
				return v
			})); diff != "" {
				t.Errorf("%s %s changes (-was +is):\n%s", file, r.Metadata.Name, diff)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		again(t, randomImport(random))
	}
}

func written(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	text, err := definition.YAML(raw)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func again(t *testing.T, d schemas.Definition) {
	t.Helper()
	d.Generation = 7
	text := written(t, d)
	set, problems := definition.Parse("again", text, nil)
	// Awkward texts are refused by other rules; what is read must be the same all the same.
	for _, p := range problems {
		if p.Code == "yaml_syntax" || p.Code == "wrong_type" || p.Code == "unknown_key" {
			t.Fatalf("%v\n%s", p, text)
		}
	}
	if len(set.Imports) != 1 {
		t.Fatalf("%d imports, %v\n%s", len(set.Imports), problems, text)
	}
	d.Generation = 0
	was, is := text, written(t, set.Imports[0])
	if diff := cmp.Diff(string(was), string(is)); diff != "" {
		t.Errorf("it changes (-was +is):\n%s", diff)
	}
	if diff := cmp.Diff(d.Spec, set.Imports[0].Spec, cmp.Transformer("raw", func(raw json.RawMessage) string { return string(raw) })); diff != "" {
		t.Errorf("the spec changes (-was +is):\n%s\n%s", diff, text)
	}
}

func randomImport(r *rand.Rand) schemas.Definition {
	query := func() string {
		parts := make([]string, 1+r.IntN(3))
		for i := range parts {
			parts[i] = awkward[r.IntN(len(awkward))]
		}
		return strings.Join(parts, []string{"", " ", "\n", ": "}[r.IntN(4)])
	}
	// Only a query may hold control characters; elsewhere they are refused.
	text := func() string {
		return strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, query())
	}
	d := schemas.Definition{
		APIVersion: schemas.APIVersion, Kind: schemas.KindImport,
		Metadata: schemas.Metadata{Name: "customers", DisplayName: text(), Owner: text(), Labels: map[string]string{"team": text(), "on": text()}},
	}
	d.Spec.Source = schemas.Source{ConnectionRef: "warehouse", Query: "select\n" + query(), Cursor: &schemas.Cursor{Column: text()}}
	d.Spec.Destination = schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile}
	d.Spec.Identity.Column = text()
	values := []string{`1.10`, `12345678901234567890`, `"007"`, `true`, `1e3`, `-0.5`, `"no"`}
	for i := range 1 + r.IntN(4) {
		p := schemas.Property{To: fmt.Sprintf("p%d %s", i, text())}
		if r.IntN(2) == 0 {
			p.Value = json.RawMessage(values[r.IntN(len(values))])
		} else {
			p.From = text()
		}
		d.Spec.Mapping = append(d.Spec.Mapping, p)
	}
	return d
}

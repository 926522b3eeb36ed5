package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

var update = flag.Bool("update", false, "write the JSON Schemas anew from the Go types")

const (
	schemaDir = "../../schemas"
	anyFile   = "definitions.v1alpha1.schema.json"
)

func schemaFile(kind string) string {
	return strings.ToLower(kind) + ".v1alpha1.schema.json"
}

// TestSchemas holds the published schemas of definitions to the Go types.
// Editors read them by a first line such as
// # yaml-language-server: $schema=schemas/definitions.v1alpha1.schema.json
func TestSchemas(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{anyFile: anySchema(t)}
	for _, kind := range Kinds() {
		files[schemaFile(kind)] = kindSchema(t, kind)
	}
	for name, want := range files {
		path := filepath.Join(schemaDir, name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		stored, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(stored), string(want)); diff != "" {
			t.Errorf("%s differs from the Go types; run go test ./domain/definition -update and read the difference:\n%s", name, diff)
		}
	}
}

// TestSchemasTakeDefinitions validates the test's own file, and mistakes in it.
func TestSchemasTakeDefinitions(t *testing.T) {
	t.Parallel()
	compiled, err := validator.NewCompiler().Compile(filepath.Join(schemaDir, anyFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		old, replacement string
		valid            bool
	}{
		{"", "", true},
		{"type: profile}", "type: profiles}", false},
		{"op: add", "op: plus", false},
		{"cursor:", "curser:", false},
		{"kind: CleverTapAccount", "kind: Account", false},
		{"format: yyyy/MM/dd", "format: yyyy.MM.dd", false},
		{"user: TAPLINE", "host: TAPLINE", false},
		{"every: 1d", "every: 15", false},
	} {
		data := edit(t, tt.old, tt.replacement)
		decoder := yaml.NewDecoder(bytes.NewReader(data))
		valid := true
		for {
			var doc any
			if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				break // a mistake for the YAML parser is one for the editor too
			}
			valid = valid && compiled.Validate(plain(t, doc)) == nil
		}
		if valid != tt.valid {
			t.Errorf("%q in place of %q: valid is %v", tt.replacement, tt.old, valid)
		}
	}
}

// plain brings a YAML value into the form of a JSON one.
func plain(t *testing.T, doc any) any {
	t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	value, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// anySchema chooses by kind, for files with several documents.
func anySchema(t *testing.T) []byte {
	t.Helper()
	var choices []any
	for _, kind := range Kinds() {
		choices = append(choices, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"kind": map[string]any{"const": kind}}, "required": []string{"kind"}},
			"then": map[string]any{"$ref": schemaFile(kind)},
		})
	}
	return indent(t, map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A definition of Tapline", "type": "object",
		"required": []string{"apiVersion", "kind", "metadata", "spec"}, "properties": map[string]any{"kind": map[string]any{"enum": Kinds()}}, "allOf": choices,
	})
}

func indent(t *testing.T, v any) []byte {
	t.Helper()
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// document is a definition as users write it, without what is stored with it.
type document struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Metadata   schemas.Metadata `json:"metadata"`
	Spec       json.RawMessage  `json:"spec"`
}

// kindSchema makes the schema of one kind. What an import must have may come
// from its defaults, so only connections and accounts require fields.
func kindSchema(t *testing.T, kind string) []byte {
	t.Helper()
	reflector := jsonschema.Reflector{Anonymous: true, DoNotReference: true, Mapper: special}
	schema := reflector.Reflect(&document{})
	schema.Title = kind
	set(schema, "apiVersion", &jsonschema.Schema{Const: schemas.APIVersion})
	set(schema, "kind", &jsonschema.Schema{Const: kind})
	metadata, _ := schema.Properties.Get("metadata")
	set(metadata, "name", &jsonschema.Schema{Type: "string", Pattern: `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`})
	spec := reflector.ReflectFromType(specOf(kind))
	spec.Version = ""
	if specOf(kind) == reflect.TypeFor[schemas.ImportSpec]() {
		loosen(spec)
	}
	words(spec, "")
	set(schema, "spec", spec)
	limit(schema, "")
	return indent(t, schema)
}

// limit writes the bounds of bounds.go into a schema.
func limit(s *jsonschema.Schema, path string) {
	bound := func(list bool) *uint64 {
		n := uint64(boundOf(path, list))
		return &n
	}
	switch {
	case s.Type == "string" && len(s.Enum) == 0 && s.Const == nil:
		s.MaxLength = bound(false)
		if s.Pattern != "" || s.Format != "" || s.Description != "" && path == "spec.mapping" {
			n := uint64(maxShort)
			s.MaxLength = &n
		}
	case s.Type == "array":
		s.MaxItems = bound(true)
	case s.Type == "object" && s.Properties == nil:
		s.MaxProperties = bound(true)
	}
	for _, option := range s.OneOf {
		limit(option, path)
	}
	if s.Items != nil {
		limit(s.Items, path)
	}
	if values := s.AdditionalProperties; values != nil && values.Type == "string" {
		limit(values, path+".any")
	}
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		limit(p.Value, join(path, p.Key))
	}
}

// TestEveryFieldHasABound: no text, list or object of a published schema may be
// of any size.
func TestEveryFieldHasABound(t *testing.T) {
	t.Parallel()
	bounded := 0
	var walk func(name, path string, v any)
	walk = func(name, path string, v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(name, path, item)
			}
		case map[string]any:
			_, hasType := v["type"].(string)
			unbounded := false
			switch v["type"] {
			case "string":
				unbounded = v["maxLength"] == nil && v["enum"] == nil && v["const"] == nil
			case "array":
				unbounded = v["maxItems"] == nil
			case "object":
				unbounded = v["properties"] == nil && v["maxProperties"] == nil
			}
			if unbounded {
				t.Errorf("%s: %s has no bound: %v", name, path, v)
			}
			if hasType {
				bounded++
			}
			for key, item := range v {
				walk(name, join(path, key), item)
			}
		}
	}
	for _, kind := range Kinds() {
		var schema any
		if err := json.Unmarshal(kindSchema(t, kind), &schema); err != nil {
			t.Fatal(err)
		}
		walk(kind, "", schema)
	}
	if bounded < 200 {
		t.Errorf("only %d fields were looked at", bounded)
	}
}

func set(s *jsonschema.Schema, key string, value *jsonschema.Schema) { s.Properties.Set(key, value) }

// loosen drops what is required, all the way down.
func loosen(s *jsonschema.Schema) {
	s.Required = nil
	if s.Items != nil {
		loosen(s.Items)
	}
	for _, option := range s.OneOf {
		loosen(option)
	}
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		loosen(p.Value)
	}
}

// special gives the types that are written in a form of their own.
func special(typ reflect.Type) *jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Pattern: pattern} }
	switch typ {
	case reflect.TypeFor[schemas.Duration]():
		return text(`^[0-9].*(ms|[smhdw])$`)
	case reflect.TypeFor[schemas.Bytes]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{text(`^[0-9]+([KMG]iB)?$`), {Type: "integer"}}}
	case reflect.TypeFor[schemas.MonthDay]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Const: "last"}, {Type: "integer", Minimum: "1", Maximum: "31"}}}
	case reflect.TypeFor[schemas.Nulls]():
		coalesce := jsonschema.NewProperties()
		coalesce.Set("coalesce", &jsonschema.Schema{Type: "string"})
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Enum: []any{"fail", "always"}}, {Type: "object", Properties: coalesce, AdditionalProperties: jsonschema.FalseSchema},
		}}
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[schemas.Property]():
		type property schemas.Property
		r := jsonschema.Reflector{Anonymous: true, DoNotReference: true, Mapper: special}
		long := r.ReflectFromType(reflect.TypeFor[property]())
		long.Version = ""
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string", Description: "COLUMN or COLUMN -> property"}, long}}
	}
	return nil
}

// words adds the enumerations, by path.
func words(s *jsonschema.Schema, path string) {
	// Of a list its members have the words.
	if list, ok := enumerations()[path]; ok && s.Type != "array" {
		s.Enum = nil
		for _, word := range list {
			s.Enum = append(s.Enum, word)
		}
	}
	if s.Items != nil {
		words(s.Items, path)
	}
	for _, option := range s.OneOf {
		if option.Properties != nil {
			words(option, path)
		}
	}
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		words(p.Value, join(path, p.Key))
	}
}

func enumerations() map[string][]string {
	return map[string][]string{
		"destination.type": {"profile", "event"}, "destination.onAmbiguous": {"resend", "hold"}, "destination.onOutsideRetention": {"send", "skip", "reject"}, "expressions": {"exact"},
		"destination.event.createdOn.format": mapping.Formats(), "identity.kind": {"identity", "clevertapId"},
		"source.columns":      {"all", "mapped"},
		"source.cursor.epoch": {"seconds", "milliseconds"}, "catchUp": {"latest", "skip"}, "onColumnChange": {"hold", "continue", "fail"},
		"mapping.type":   {"string", "integer", "long", "float", "boolean", "date", "object", "array"},
		"mapping.format": mapping.Formats(), "mapping.onInvalid": {"reject", "omit"}, "mapping.onNull": {"omit", "reject", "default"},
		"mapping.op": {"add", "remove", "incr"}, "mapping.transform": {"sha256"}, "region": Regions(), "environment": {"test", "production"}, "protocol": {"https", "http"},
		"on": {schemas.NotifyFailing, schemas.NotifyLate, schemas.NotifyHeld}, "email.tls": {schemas.MailStartTLS, schemas.MailImplicit, schemas.MailPlain},
	}
}

package schemas

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the JSON Schemas anew from the Go types")

// contracts are the values that travel between services. Each has a Go type, a
// JSON Schema beside it and golden examples in testdata.
var contracts = map[string]func() any{
	"command":   func() any { return &Command{} },
	"trigger":   func() any { return &Trigger{} },
	"state":     func() any { return &State{} },
	"report":    func() any { return &Report{} },
	"fold":      func() any { return &Fold{} },
	"position":  func() any { return &Position{} },
	"run":       func() any { return &Run{} },
	"listing":   func() any { return &Listing{} },
	"rowschema": func() any { return &RowSchema{} },
	"reject":    func() any { return &Reject{} },
	"resource":  func() any { return &Resource{} },
	"import":    func() any { return &Definition{} },
	"audit":     func() any { return &AuditEntry{} },

	"generation":  func() any { return &Generation{} },
	"notified":    func() any { return &Notified{} },
	"suppression": func() any { return &Suppression{} },

	"lookup":   func() any { return &Lookup{} },
	"lookedup": func() any { return &LookupAnswer{} },
	"people":   func() any { return &People{} },
	"baseline": func() any { return &Baseline{} },
}

// TestContracts holds the three neighbours together: the schema file is the Go
// type's, and each golden example is valid by it, decodes without an unknown key
// and encodes to the same JSON.
func TestContracts(t *testing.T) {
	t.Parallel()
	for name, empty := range contracts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := name + ".v1.schema.json"
			schema := generate(t, name, empty())
			if *update {
				if err := os.WriteFile(file, schema, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			stored, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(stored), string(schema)); diff != "" {
				t.Errorf("%s differs from the Go type; run go test ./schemas -update and read the difference (-file +type):\n%s", file, diff)
			}
			goldens, _ := filepath.Glob(filepath.Join("testdata", name+"*.golden.json"))
			if len(goldens) == 0 {
				t.Fatalf("no golden example testdata/%s.v1.golden.json", name)
			}
			for _, golden := range goldens {
				checkGolden(t, file, golden, empty())
			}
		})
	}
}

func checkGolden(t *testing.T, schemaFile, golden string, into any) {
	t.Helper()
	raw, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, schemaFile, raw); err != nil {
		t.Errorf("%s is not valid by %s: %v", golden, schemaFile, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", golden, err)
	}
	again, err := json.Marshal(into)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain(t, raw), plain(t, again)); diff != "" {
		t.Errorf("%s changes on its way through the Go type (-golden +again):\n%s", golden, diff)
	}
}

// TestSchemasRefuse shows that the schemas are not empty: each golden example
// stops being valid with an unknown key and without a required one.
func TestSchemasRefuse(t *testing.T) {
	t.Parallel()
	for name := range contracts {
		goldens, _ := filepath.Glob(filepath.Join("testdata", name+"*.golden.json"))
		for _, golden := range goldens {
			raw, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			object := plain(t, raw).(map[string]any)
			object["tpyo"] = true
			broken, _ := json.Marshal(object)
			if validate(t, name+".v1.schema.json", broken) == nil {
				t.Errorf("%s is still valid with an unknown key", golden)
			}
			if err := validate(t, name+".v1.schema.json", []byte(`{}`)); err == nil {
				t.Errorf("%s: an empty object is valid", name)
			}
		}
	}
}

func validate(t *testing.T, schemaFile string, raw []byte) error {
	t.Helper()
	compiled, err := validator.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	value, err := validator.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(value)
}

func plain(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// generate makes the JSON Schema of a Go type.
// reflecting keeps reflections apart: the library writes to the schema of "anything",
// which all types share.
var reflecting sync.Mutex

func generate(t *testing.T, name string, value any) []byte {
	reflecting.Lock()
	defer reflecting.Unlock()
	t.Helper()
	text := func(examples ...any) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Examples: examples}
	}
	reflector := jsonschema.Reflector{
		Anonymous: true,
		Mapper: func(typ reflect.Type) *jsonschema.Schema {
			switch typ {
			case reflect.TypeFor[Duration]():
				return text("15m", "2d")
			case reflect.TypeFor[RejectRef]():
				return text("3-18273")
			case reflect.TypeFor[Bytes]():
				return text("4MiB")
			case reflect.TypeFor[Nulls](), reflect.TypeFor[MonthDay](), reflect.TypeFor[json.RawMessage]():
				return jsonschema.TrueSchema
			case reflect.TypeFor[time.Time]():
				return &jsonschema.Schema{Type: "string", Format: "date-time"}
			}
			return nil
		},
	}
	schema := reflector.Reflect(value)
	schema.ID = ""
	schema.Title = strings.ToUpper(name[:1]) + name[1:]
	nullable(reflect.TypeOf(value), schema, map[reflect.Type]bool{})
	out, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// nullable allows null where a pointer without omitempty may hold nothing, in a
// type and in those that it holds.
func nullable(typ reflect.Type, schema *jsonschema.Schema, seen map[reflect.Type]bool) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map || typ.Kind() == reflect.Array {
		typ = typ.Elem()
	}
	definition := schema.Definitions[typ.Name()]
	if typ.Kind() != reflect.Struct || seen[typ] {
		return
	}
	seen[typ] = true
	for field := range typ.Fields() {
		nullable(field.Type, schema, seen)
		if definition == nil {
			continue
		}
		tag := field.Tag.Get("json")
		if field.Type.Kind() != reflect.Pointer || strings.Contains(tag, "omitempty") {
			continue
		}
		if property, ok := definition.Properties.Get(tag); ok {
			definition.Properties.Set(tag, &jsonschema.Schema{AnyOf: []*jsonschema.Schema{property, {Type: "null"}}})
		}
	}
}

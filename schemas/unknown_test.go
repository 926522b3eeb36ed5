package schemas_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// TestUnknownFieldsAreKept adds a field that this version does not know to each object of
// every golden record, reads the record as its type, writes it again and compares.
func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		contract string
		typ      reflect.Type
		rewrite  func(text []byte) ([]byte, error)
	}{
		{"state", reflect.TypeFor[schemas.State](), rewrite[schemas.State]},
		{"fold", reflect.TypeFor[schemas.Fold](), rewrite[schemas.Fold]},
		{"position", reflect.TypeFor[schemas.Position](), rewrite[schemas.Position]},
		{"trigger", reflect.TypeFor[schemas.Trigger](), rewrite[schemas.Trigger]},
		{"run", reflect.TypeFor[schemas.Run](), rewrite[schemas.Run]},
		{"listing", reflect.TypeFor[schemas.Listing](), rewrite[schemas.Listing]},
		{"command", reflect.TypeFor[schemas.Command](), rewrite[schemas.Command]},
		{"report", reflect.TypeFor[schemas.Report](), rewrite[schemas.Report]},
		{"reject", reflect.TypeFor[schemas.Reject](), rewrite[schemas.Reject]},
		{"import", reflect.TypeFor[schemas.Definition](), rewrite[schemas.Definition]},
		{"generation", reflect.TypeFor[schemas.Generation](), rewrite[schemas.Generation]},
		{"resource", reflect.TypeFor[schemas.Resource](), rewrite[schemas.Resource]},
		{"audit", reflect.TypeFor[schemas.AuditEntry](), rewrite[schemas.AuditEntry]},
		{"suppression", reflect.TypeFor[schemas.Suppression](), rewrite[schemas.Suppression]},
	} {
		t.Run(c.contract, func(t *testing.T) {
			t.Parallel()
			files, err := filepath.Glob(filepath.Join("testdata", c.contract+".v1.*golden.json"))
			if err != nil || len(files) == 0 {
				t.Fatalf("there is no golden record: %v", err)
			}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var golden any
				if err := json.Unmarshal(text, &golden); err != nil {
					t.Fatal(err)
				}
				objects := 0
				newer := addUnknown(c.typ, golden, &objects)
				written, err := json.Marshal(newer)
				if err != nil || objects == 0 {
					t.Fatalf("%s: %d objects, %v", file, objects, err)
				}
				again, err := c.rewrite(written)
				if err != nil {
					t.Fatal(err)
				}
				var got any
				if err := json.Unmarshal(again, &got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(newer, got); diff != "" {
					t.Errorf("%s after it was rewritten (-want +got):\n%s", file, diff)
				}
			}
		})
	}
}

func rewrite[V any](text []byte) ([]byte, error) {
	var v V
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, err
	}
	again, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return schemas.AddTo[V](schemas.UnknownOf[V](text), again)
}

// addUnknown adds a field to each object that is a struct, at each level. What writes itself
// has no fields.
func addUnknown(typ reflect.Type, value any, objects *int) any {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch v := value.(type) {
	case map[string]any:
		if typ.Implements(reflect.TypeFor[json.Marshaler]()) || typ.Kind() != reflect.Struct && typ.Kind() != reflect.Map {
			return value
		}
		out := map[string]any{}
		for name, inner := range v {
			out[name] = addUnknown(fieldType(typ, name), inner, objects)
		}
		if typ.Kind() == reflect.Struct {
			*objects++
			out["ofANewerVersion"] = map[string]any{"n": float64(*objects)}
		}
		return out
	case []any:
		if typ.Kind() != reflect.Slice {
			return value
		}
		out := slices.Clone(v)
		for i := range out {
			out[i] = addUnknown(typ.Elem(), out[i], objects)
		}
		return out
	}
	return value
}

func fieldType(typ reflect.Type, name string) reflect.Type {
	if typ.Kind() == reflect.Map {
		return typ.Elem()
	}
	for _, field := range reflect.VisibleFields(typ) {
		if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag == name {
			return field.Type
		}
	}
	return reflect.TypeFor[any]()
}

// TestUnknownFieldsGoWithWhatTheyAreIn: what a newer version has said of a run is not said
// of the next one.
func TestUnknownFieldsGoWithWhatTheyAreIn(t *testing.T) {
	t.Parallel()
	before := `{"import":"a","new":1,"active":{"run":"a.1","new":2},"planned":[{"key":"x","new":3},{"key":"y","new":4}],"keys":["k"]}`
	after := `{"import":"a","active":{"run":"a.2"},"planned":[{"key":"y"},{"key":"z"}],"keys":["k"]}`
	got, err := schemas.AddTo[schemas.State](schemas.UnknownOf[schemas.State]([]byte(before)), []byte(after))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"active":{"run":"a.2"},"import":"a","keys":["k"],"new":1,"planned":[{"key":"y","new":4},{"key":"z"}]}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if u := schemas.UnknownOf[schemas.State]([]byte(after)); u != nil {
		t.Errorf("something is unknown in a record of this version: %+v", u)
	}
}

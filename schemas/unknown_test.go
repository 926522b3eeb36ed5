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
		known    func(text []byte) ([]byte, error)
	}{
		{"state", reflect.TypeFor[schemas.State](), rewrite[schemas.State], schemas.Known[schemas.State]},
		{"fold", reflect.TypeFor[schemas.Fold](), rewrite[schemas.Fold], schemas.Known[schemas.Fold]},
		{"position", reflect.TypeFor[schemas.Position](), rewrite[schemas.Position], schemas.Known[schemas.Position]},
		{"trigger", reflect.TypeFor[schemas.Trigger](), rewrite[schemas.Trigger], schemas.Known[schemas.Trigger]},
		{"run", reflect.TypeFor[schemas.Run](), rewrite[schemas.Run], schemas.Known[schemas.Run]},
		{"listing", reflect.TypeFor[schemas.Listing](), rewrite[schemas.Listing], schemas.Known[schemas.Listing]},
		{"command", reflect.TypeFor[schemas.Command](), rewrite[schemas.Command], schemas.Known[schemas.Command]},
		{"report", reflect.TypeFor[schemas.Report](), rewrite[schemas.Report], schemas.Known[schemas.Report]},
		{"reject", reflect.TypeFor[schemas.Reject](), rewrite[schemas.Reject], schemas.Known[schemas.Reject]},
		{"import", reflect.TypeFor[schemas.Definition](), rewrite[schemas.Definition], schemas.Known[schemas.Definition]},
		{"generation", reflect.TypeFor[schemas.Generation](), rewrite[schemas.Generation], schemas.Known[schemas.Generation]},
		{"resource", reflect.TypeFor[schemas.Resource](), rewrite[schemas.Resource], schemas.Known[schemas.Resource]},
		{"notified", reflect.TypeFor[schemas.Notified](), rewrite[schemas.Notified], schemas.Known[schemas.Notified]},
		{"audit", reflect.TypeFor[schemas.AuditEntry](), rewrite[schemas.AuditEntry], schemas.Known[schemas.AuditEntry]},
		{"suppression", reflect.TypeFor[schemas.Suppression](), rewrite[schemas.Suppression], schemas.Known[schemas.Suppression]},
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
				known, err := c.known(written)
				if err != nil {
					t.Fatal(err)
				}
				var left any
				if err := json.Unmarshal(known, &left); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(golden, left); diff != "" {
					t.Errorf("%s without what this version does not know (-want +got):\n%s", file, diff)
				}
			}
		})
	}
}

// specs are of the kinds of resources that people write.
var specs = map[string]reflect.Type{
	schemas.KindSnowflakeConnection: reflect.TypeFor[schemas.SnowflakeConnectionSpec](),
	schemas.KindCleverTapAccount:    reflect.TypeFor[schemas.CleverTapAccountSpec](),
	schemas.KindNotification:        reflect.TypeFor[schemas.NotificationSpec](),
	schemas.KindImportDefaults:      reflect.TypeFor[schemas.ImportSpec](),
}

func rewrite[V any](text []byte) ([]byte, error) {
	known, err := schemas.Known[V](text)
	if err != nil {
		return nil, err
	}
	var v V
	if err := json.Unmarshal(known, &v); err != nil {
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
			of := fieldType(typ, name)
			if kind, ok := v["kind"].(string); ok && typ == reflect.TypeFor[schemas.Resource]() && name == "spec" {
				of = specs[kind]
			}
			out[name] = addUnknown(of, inner, objects)
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

// TestUnknownFieldsOfALine: what a newer version has said of a line of a mapping stays with
// the property, however the line changes, and wherever it stands.
func TestUnknownFieldsOfALine(t *testing.T) {
	t.Parallel()
	before := `{"spec":{"mapping":[{"from":"A","to":"a","new":1},{"from":"B","to":"b","new":2},{"from":"C","to":"c","new":3}]}}`
	after := `{"spec":{"mapping":[{"from":"C","to":"c"},{"from":"A","to":"a","type":"string"},{"from":"D","to":"d"}]}}`
	unknown := schemas.UnknownOf[schemas.Definition]([]byte(before))
	got, err := schemas.AddTo[schemas.Definition](unknown, []byte(after))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"spec":{"mapping":[{"from":"C","new":3,"to":"c"},{"from":"A","new":1,"to":"a","type":"string"},{"from":"D","to":"d"}]}}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestUnknownFieldsOfASchedule: what a newer version has said of a schedule stays with it when
// it is changed, as long as it is of the same kind, and goes with it when it is taken out.
func TestUnknownFieldsOfASchedule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, before, after, want string }{
		{"another interval", `{"every":"1h","new":1}`, `{"every":"2h"}`, `{"every":"2h","new":1}`},
		{"another zone", `{"cron":"0 9 * * *","new":1}`, `{"cron":"0 9 * * *","timezone":"Asia/Kolkata"}`, `{"cron":"0 9 * * *","new":1,"timezone":"Asia/Kolkata"}`},
		{"another kind", `{"every":"1h","new":1}`, `{"cron":"0 9 * * *"}`, `{"cron":"0 9 * * *"}`},
		{"one before it", `{"every":"1h","new":1}`, `{"every":"5h"},{"every":"1h"}`, `{"every":"5h"},{"every":"1h","new":1}`},
		{"the one without a change has its own", `{"every":"1h"},{"every":"2h","new":2}`, `{"every":"1h"},{"every":"3h"}`, `{"every":"1h"},{"every":"3h","new":2}`},
		{"all are changed", `{"every":"1h","new":1},{"every":"2h","new":2}`, `{"every":"3h"},{"every":"4h"}`, `{"every":"3h","new":1},{"every":"4h","new":2}`},
		{"the place tells", `{"every":"1h"},{"every":"2h","new":2}`, `{"every":"3h"},{"every":"4h"}`, `{"every":"3h"},{"every":"4h","new":2}`},
		{"taken out", `{"every":"1h"},{"every":"2h","new":2}`, `{"every":"1h"}`, `{"every":"1h"}`},
		{"days", `{"daysOfWeek":["mon"],"times":["09:00"],"new":1}`, `{"daysOfWeek":["tue"],"times":["10:00"]}`, `{"daysOfWeek":["tue"],"new":1,"times":["10:00"]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			record := func(schedules string) []byte { return []byte(`{"spec":{"schedules":[` + schedules + `]}}`) }
			got, err := schemas.AddTo[schemas.Definition](schemas.UnknownOf[schemas.Definition](record(c.before)), record(c.after))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(record(c.want)) {
				t.Errorf("got %s, want %s", got, record(c.want))
			}
		})
	}
}

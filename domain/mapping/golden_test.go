package mapping

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden maps each testdata/<case>/rows.ndjson by its spec.json, with the
// columns of columns.json if there are any, and compares with want.ndjson.
func TestGolden(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*/spec.json")
	if err != nil || len(cases) < 4 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			var spec schemas.ImportSpec
			var columns []schemas.Column
			decodeFile(t, path, &spec)
			if _, err := os.Stat(filepath.Join(dir, "columns.json")); err == nil {
				decodeFile(t, filepath.Join(dir, "columns.json"), &columns)
			}
			m := compiled(t, spec, columns, Options{Nested: true})
			rows, err := os.Open(filepath.Join(dir, "rows.ndjson"))
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var got bytes.Buffer
			if _, err := m.MapLines(&got, rows, clock); err != nil {
				t.Fatal(err)
			}
			wantFile := filepath.Join(dir, "want.ndjson")
			if *update {
				if err := os.WriteFile(wantFile, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("run go test ./mapping -update and read the difference:\n%s", diff)
			}
		})
	}
}

func decodeFile(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLoadedFilesAreExact has the values that a guess of types would change.
func TestLoadedFilesAreExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	for name, tc := range map[string]struct {
		table, file, text string
		types             []string
		rows              [][]string
	}{
		"money, ids and zeros": {
			"T1", "a.csv", "id,price,zip,on,at,zoned,flag,empty\n12345678901234567890,19.90,01234,2026-01-02,2026-01-02 03:04:05.123456789,2026-01-02T03:04:05+05:30,true,\n2,0.005,99999,2026-01-03,2026-01-02T00:00:00,2026-01-02T00:00:00Z,FALSE,\n",
			[]string{"ID NUMBER(38,0)", "PRICE NUMBER(38,3)", "ZIP VARCHAR(16777216)", "ON DATE", "AT TIMESTAMP_NTZ(9)", "ZONED TIMESTAMP_TZ(9)", "FLAG BOOLEAN", "EMPTY VARCHAR(16777216)"},
			[][]string{{"12345678901234567890", "19.900", "01234"}, {"2", "0.005", "99999"}},
		},
		"types that are given": {
			"T2(ID VARCHAR, PRICE NUMBER(10,2))", "b.tsv", "id\tprice\n7\t19.9\n",
			[]string{"ID VARCHAR(16777216)", "PRICE NUMBER(10,2)"}, [][]string{{"7", "19.90"}},
		},
		"keys of their own": {
			"T3", "c.ndjson", `{"id": 12345678901234567890, "tags": {"b": 1.50}, "x": "1"}` + "\n" + `{"tags": {"a": null}, "id": 2, "x": 1}` + "\n",
			[]string{"ID NUMBER(38,0)", "TAGS VARIANT", "X VARIANT"}, [][]string{{"12345678901234567890", `{"b":1.50}`, "1"}, {"2", `{"a":null}`, "1"}},
		},
		"separated by semicolons": {"T4", "d.csv", "\xef\xbb\xbfa;b\n\"x;y\";1\n", []string{"A VARCHAR(16777216)", "B NUMBER(38,0)"}, [][]string{{"x;y", "1"}}},
	} {
		file := filepath.Join(t.TempDir(), tc.file)
		if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.sandbox.Load(t.Context(), tc.table, file); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		table, _, _ := strings.Cut(tc.table, "(")
		tables, err := w.sandbox.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range tables {
			if got.Name == "SHOP.PUBLIC."+table && (got.Rows != int64(len(tc.rows)) || !cmp.Equal(got.Columns, tc.types)) {
				t.Errorf("%s: %+v", name, got)
			}
		}
		var list []string
		for i := range tc.rows[0] {
			column, _, _ := strings.Cut(tc.types[i], " ")
			list = append(list, `"`+column+`"::varchar`)
		}
		if diff := cmp.Diff(tc.rows, texts(t, db, "select "+strings.Join(list, ", ")+" from "+table)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, tc := range []struct{ table, file, text, want string }{
		{"T", "ragged.csv", "a,b\n1,2\n3\n", "line 3 has 1 fields, the header has 2"},
		{"T", "wide.csv", "a,b\n1,2,3\n", "line 2 has 3 fields, the header has 2"},
		{"T", "empty.csv", "", "the file is empty"},
		{"T", "head.csv", "a,b\n", "the file has no rows"},
		{"T", "twice.csv", "a,A\n1,2\n", "two columns are named A"},
		{"T", "nameless.csv", "a,,c\n1,2,3\n", "column 2 has no name"},
		{"T", "quotes.csv", "a,b\n\"x,1\n", "line"},
		{"T", "latin1.csv", "a\n\xe9\n", "line 2, column A: the text is not UTF-8"},
		{"T", "empty.ndjson", "\n", "the file is empty"},
		{"T", "list.ndjson", "[1]\n", "line 1: not an object"},
		{"T", "cut.ndjson", "{\"a\":1}\n{\"a\":\n", "line 2: not JSON"},
		{"T", "twice.ndjson", `{"a":1,"a":2}` + "\n", `line 1: the key "a" comes twice`},
		{"T", "case.ndjson", `{"a":1,"A":2}` + "\n", `would be one column`},
		{"T(A NUMBER(3,0))", "bad.csv", "a\n1\nx\n", "line 3, column A: the value is not a NUMBER(3,0)"},
		{"T(B VARCHAR)", "nob.csv", "a\n1\n", "no column B"},
		{"T(A NOSUCHTYPE)", "type.csv", "a\n1\n", "column A has no Snowflake type"},
		{"T", "x.xlsx", "x", "must be .parquet, .csv"},
	} {
		file := filepath.Join(t.TempDir(), tc.file)
		if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := w.sandbox.Load(t.Context(), tc.table, file)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s = %v, want an error with %q", tc.file, err, tc.want)
		}
	}
	if tables, err := w.sandbox.Tables(t.Context()); err != nil || len(tables) != 0 {
		t.Errorf("tables after refusals: %v, %v", tables, err)
	}
}

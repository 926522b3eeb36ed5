package sandbox_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/sandbox"
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
		{"T", "utf16.csv", "\xff\xfei\x00d\x00\n\x001\x00\n\x00", "line 1"},
		{"T", "latin1head.csv", "pr\xe9nom\na\n", "line 1: the name of column 1 is not UTF-8"},
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

// TestABrowserSendsAFile: a file of one's own becomes a table without the command line, and
// no other site's page can send one through a visitor's browser.
func TestABrowserSendsAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	address := "http://" + w.sandbox.Addr()
	send := func(file, table, text string, headers ...string) (int, string) {
		t.Helper()
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("file", file)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(text)) // into memory
		_ = form.WriteField("table", table)
		_ = form.Close()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/sandbox/v1/tables", &body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", form.FormDataContentType())
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		page, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(page)
	}
	if status, page := send("my users.csv", "", "id,mail\n7,a@example.com\n"); status != http.StatusOK || !strings.Contains(page, "MY_USERS</b> is there") || !strings.Contains(page, "SHOP.PUBLIC.MY_USERS") {
		t.Errorf("%d %s", status, page)
	}
	if diff := cmp.Diff([][]string{{"7", "a@example.com"}}, texts(t, db, "select id::varchar, mail from MY_USERS")); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		file, table string
		headers     []string
		status      int
		says        string
	}{
		"another kind":   {"users.xlsx", "", nil, http.StatusBadRequest, "must be .parquet"},
		"no name":        {"users.csv", "a b", nil, http.StatusBadRequest, "not a Snowflake name"},
		"markup":         {"users.csv", "<script>x</script>", nil, http.StatusBadRequest, "&lt;script"},
		"from elsewhere": {"users.csv", "EVIL", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, http.StatusForbidden, ""},
	} {
		if status, page := send(c.file, c.table, "id\n1\n", c.headers...); status != c.status || !strings.Contains(page, c.says) {
			t.Errorf("%s: %d %s", name, status, page)
		}
	}
	tables, err := w.sandbox.Tables(t.Context())
	if err != nil || slices.ContainsFunc(tables, func(have sandbox.Table) bool { return strings.HasSuffix(have.Name, ".EVIL") }) {
		t.Errorf("%v (%v)", tables, err)
	}
}

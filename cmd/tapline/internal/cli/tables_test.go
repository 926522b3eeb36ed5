package cli

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]client.TablesQuery{
		"customers":             {Table: "CUSTOMERS"},
		"shop.cust*":            {Database: "SHOP", Table: "CUST*"},
		`shop."Pub.lic"."a""b"`: {Database: "SHOP", Schema: "Pub.lic", Table: `a"b`},
		`SHOP.PUBLIC.*`:         {Database: "SHOP", Schema: "PUBLIC", Table: "*"},
		"a.b.c.d":               {},
		"a..b":                  {},
		`"open`:                 {},
		`"a"b`:                  {},
		"*.public.t":            {},
	} {
		got := client.TablesQuery{Level: schemas.LevelTable}
		err := readPattern(pattern, &got)
		if want == (client.TablesQuery{}) {
			if err == nil {
				t.Errorf("%s is read as %+v", pattern, got)
			}
			continue
		}
		want.Level = schemas.LevelTable
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s (-want +got):\n%s%v", pattern, diff, err)
		}
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	var asked string
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/connections": answer(200, `{"items":[{"kind":"SnowflakeConnection","metadata":{"name":"warehouse"}}]}`),
		"GET /v1/connections/{name}/tables": func(w http.ResponseWriter, r *http.Request) {
			asked = r.PathValue("name") + " " + r.URL.RawQuery
			answer(200, `{"items":[{"database":"SHOP","schema":"PUBLIC","name":"mixed","kind":"TABLE","rows":1234,
				"columns":[{"name":"ID","type":"NUMBER(38,0)","nullable":false}]},
				{"database":"SHOP","schema":"PUBLIC","name":"V\u001b","kind":"VIEW"}],"nextPageToken":"n","incomplete":"there is more"}`)(w, r)
		},
	})
	r := tapline(t, "", "tables", `shop.public."mixed"`, "--server", url)
	if r.code != ExitDone || asked != "warehouse database=SHOP&level=table&pageSize=200&schema=PUBLIC&table=mixed" {
		t.Errorf("%+v, asked %s", r, asked)
	}
	for _, want := range []string{`SHOP.PUBLIC."mixed"  ID      NUMBER(38,0)  no`} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in\n%s", want, r.out)
		}
	}
	if !strings.Contains(r.err, "--page-token n") || !strings.Contains(r.err, "there is more") || !strings.Contains(r.err, "1,234 rows") {
		t.Errorf("what is said: %s", r.err)
	}
	names := tapline(t, "", "tables", "other", "-o", "name", "--server", url)
	if names.out != "SHOP.PUBLIC.\"mixed\"\nSHOP.PUBLIC.\"V�\"\n" || !strings.HasPrefix(asked, "other ") {
		t.Errorf("names: %+v, asked %s", names, asked)
	}
	if r := tapline(t, "", "tables", "--level", "row", "--server", url); r.code != ExitFailed || !strings.Contains(r.err, "--level is database") {
		t.Errorf("a wrong level: %+v", r)
	}
}

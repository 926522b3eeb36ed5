package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const previewed2 = `{"import":"customers","queryId":"01b","millis":1200,
	"columns":[{"name":"ID","type":"FIXED","precision":38,"scale":0,"nullable":false,"nulls":0},{"name":"EMAIL","type":"TEXT","precision":0,"scale":0,"nullable":true,"nulls":1}],
	"rows":[{"ID":1,"EMAIL":null},{"ID":2,"EMAIL":"\u001b[31ma@example.com"}],
	"problems":[{"location":"documents[2].spec.mapping[1].from","code":"column_missing","message":"the query has no column AGE"}]}`

func TestPreview(t *testing.T) {
	t.Parallel()
	def := file(t, "customers.yaml", customersYAML)
	var asked struct {
		Import    string
		Rows      int
		Documents []json.RawMessage
	}
	url := center(t, map[string]http.HandlerFunc{
		"POST /v1/preview": func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(body, &asked); err != nil {
				t.Error(err)
			}
			answer(200, previewed2)(w, r)
		},
	})
	r := tapline(t, "", "preview", "-f", def, "--rows", "7", "--server", url)
	if r.code != ExitDone || len(asked.Documents) != 3 || asked.Rows != 7 {
		t.Errorf("preview -f: %+v, asked %+v", r, asked)
	}
	for _, want := range []string{"2 rows in 1.2 s, query id 01b", "NUMBER(38,0)", "NULL", "[31ma@example.com"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in\n%s", want, r.out)
		}
	}
	if strings.Contains(r.out, "\x1b") || !strings.Contains(r.err, def+":20:") {
		t.Errorf("an escape sequence, or no place of the problem: %q", r.out+r.err)
	}
	columns := tapline(t, "", "preview", "customers", "-o", "json", "--server", url)
	rows := tapline(t, "", "preview", "customers", "-o", "rows", "--server", url)
	mapped := tapline(t, rows.out, "map", "-f", file(t, "c.yaml", strings.Replace(customersYAML, "from: AGE", "from: ID", 1)),
		"--columns", file(t, "columns.json", columns.out), "--rows", "-")
	if mapped.code != ExitRejects || strings.Count(mapped.out, "\n") != 2 { // the escape sequence is no address
		t.Errorf("map does not read what preview prints: %+v", mapped)
	}
	if r := tapline(t, "", "preview", "--server", url); r.code != ExitFailed || !strings.Contains(r.err, "-f") {
		t.Errorf("nothing named: %+v", r)
	}
}

func TestDryRunAndSync(t *testing.T) {
	t.Parallel()
	const shown = `{"run":{"run":"purchases.d1","import":"purchases","mode":"dryRun","state":"succeededWithRejects","counts":{"read":6,"loaded":2,"mapRejected":1,"future":2,"mapSkipped":1},"notes":["the cursor has another unit"]},
		"properties":[{"result":"error","column":"AMOUNT","property":"Amount","type":"float","failing":1,"code":"type_mismatch","reason":"no number"}],
		"older":1,
		"estimate":{"rows":3000,"records":2000,"calls":2,"seconds":0.4},
		"rows":[{"row":{"A":1},"record":{"z":1,"a":"<"}},{"row":{"A":2}},{"row":{"A":3}}]}`
	for name, c := range map[string]struct {
		args  []string
		stdin string
		code  int
		syncs int
		says  []string
	}{
		"shown":        {[]string{"purchases"}, "", ExitRejects, 0, []string{"type_mismatch: no number", "a run that reads everything: 3,000 rows, about 2,000 records in 2 calls", "nothing was stored", "warning: 2 rows have a cursor in the future", "note: the cursor has another unit", "1 rows skipped: ", "1 of the records are of rows that are not the newest"}},
		"rows":         {[]string{"purchases", "-o", "rows"}, "", ExitRejects, 0, []string{`{"row":{"A":1},"record":{"z":1,"a":"<"}}` + "\n"}},
		"asked, no":    {[]string{"purchases", "--sync"}, "no\n", ExitFailed, 0, []string{"a second time", "nothing was sent"}},
		"nobody there": {[]string{"purchases", "--sync"}, "", ExitFailed, 0, []string{"nothing was sent"}},
		"asked, yes":   {[]string{"purchases", "--sync"}, "yes\n", ExitRejects, 1, []string{"purchases.7"}},
		"not asked":    {[]string{"purchases.d1", "--sync", "--yes"}, "", ExitRejects, 1, []string{"purchases.7"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			syncs := 0
			url := center(t, map[string]http.HandlerFunc{
				"POST /v1/imports/purchases/dryruns": answer(202, `{"run":"purchases.d1","import":"purchases","state":"extracting"}`),
				"GET /v1/runs/purchases.d1":          answer(200, `{"run":"purchases.d1","import":"purchases","state":"succeededWithRejects"}`),
				"GET /v1/dryruns/purchases.d1":       answer(200, shown),
				"GET /v1/imports/purchases":          answer(200, `{"spec":{"destination":{"type":"event"}}}`),
				"GET /v1/runs/purchases.7":           answer(200, `{"run":"purchases.7","import":"purchases","state":"succeeded"}`),
				"POST /v1/dryruns/purchases.d1/sync": func(w http.ResponseWriter, r *http.Request) {
					syncs++
					answer(202, `{"run":"purchases.7","import":"purchases","state":"extracting"}`)(w, r)
				},
			})
			r := tapline(t, c.stdin, slices.Concat([]string{"dryrun"}, c.args, []string{"--server", url})...)
			if r.code != c.code || syncs != c.syncs {
				t.Errorf("exit code %d after %d syncs: %+v", r.code, syncs, r)
			}
			for _, want := range c.says {
				if !strings.Contains(r.out+r.err, want) {
					t.Errorf("%q is not in\n%s%s", want, r.out, r.err)
				}
			}
		})
	}
}

// TestADryRunOfNothing: if the query returns no row, the command says that the mapping was
// not tried.
func TestADryRunOfNothing(t *testing.T) {
	t.Parallel()
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/runs/purchases.d1":    answer(200, `{"run":"purchases.d1","import":"purchases","state":"succeeded"}`),
		"GET /v1/dryruns/purchases.d1": answer(200, `{"run":{"run":"purchases.d1","import":"purchases","state":"succeeded"},"properties":[],"rows":[],"estimate":{}}`),
	})
	r := tapline(t, "", "dryrun", "purchases.d1", "--server", url)
	if r.code != 0 || !strings.Contains(r.out, "the mapping was not tried") || strings.Contains(r.out, "records in") {
		t.Errorf("%+v", r)
	}
}

func TestMapReportsFileAndColumnsTogether(t *testing.T) {
	t.Parallel()
	def := file(t, "customers.yaml", strings.Replace(strings.Replace(customersYAML, "EMAIL -> Email", "EMIAL -> Email", 1), "source: {", "source: {tabel: X, ", 1))
	columns := file(t, "columns.json", `[{"name":"ID","type":"TEXT"},{"name":"EMAIL","type":"TEXT"},{"name":"AGE","type":"DATE"}]`)
	r := tapline(t, "", "map", "-f", def, "--columns", columns, "--rows", "-")
	if r.code != ExitRefused {
		t.Fatalf("map: %+v", r)
	}
	for _, want := range []string{"tabel", "spec.mapping[0].from", "spec.mapping[1].type"} {
		if strings.Count(r.err, want) != 1 {
			t.Errorf("%s is there %d times:\n%s", want, strings.Count(r.err, want), r.err)
		}
	}
}

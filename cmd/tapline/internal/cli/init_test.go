package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

// TestInitAccess: what it writes is valid, what it prints holds no part of the private
// key, and a second call changes nothing.
func TestInitAccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		says []string // of the definition or the SQL
	}{
		"plain":       {[]string{"--snowflake-account", "acme-eu1"}, []string{"account: acme-eu1\n", `GRANT SELECT ON TABLE "SHOP"."PUBLIC"."CUSTOMERS"`, "TYPE = SERVICE"}},
		"a URL":       {[]string{"--snowflake-account", "https://acme-eu1.snowflakecomputing.com/"}, []string{"account: acme-eu1\n"}},
		"PrivateLink": {[]string{"--snowflake-account", "acme-eu1.privatelink"}, []string{"account: acme-eu1.privatelink\n"}},
		"hostile": {
			[]string{"--snowflake-account", "acme-eu1", "--user", `"a'; DROP USER B; --"`, "--role", `"r: #"`, "--reads", `view:SHOP.PUBLIC."v"";"`},
			[]string{`CREATE USER "a'; DROP USER B; --" TYPE`, `GRANT SELECT ON VIEW "SHOP"."PUBLIC"."v"";"`, `role: "\"r: #\""`},
		},
		"encrypted": {[]string{"--snowflake-account", "acme-eu1", "--passphrase-file", file(t, "passphrase", "correct horse\n")}, []string{"privateKeyPassphrase: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := append([]string{"init", "--dir", dir, "--region", "eu1", "--table", "shop.public.customers"}, c.args...)
			r := tapline(t, "", args...)
			if r.code != ExitDone {
				t.Fatalf("%+v", r)
			}
			text, err := os.ReadFile(filepath.Join(dir, "resources.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.says {
				if !strings.Contains(string(text)+r.out, want) {
					t.Errorf("%q is not in\n%s\n%s", want, text, r.out)
				}
			}
			if v := tapline(t, "", "validate", "-f", filepath.Join(dir, "resources.yaml")); v.code != ExitDone {
				t.Errorf("validate refuses what init wrote: %+v\n%s", v, text)
			}
			key := filepath.Join(dir, "tapline_key.p8")
			for _, line := range append(secretLines(t, key), "correct horse") {
				if strings.Contains(r.out+r.err+string(text), line) {
					t.Error("what is printed or written holds a part of the private key or the passphrase")
				}
			}
			before, err := os.ReadFile(key)
			if err != nil {
				t.Fatal(err)
			}
			if again := tapline(t, "", args...); again.code != ExitFailed || !strings.Contains(again.err, "is there already") {
				t.Errorf("again: %+v", again)
			}
			if after, err := os.ReadFile(key); err != nil || string(after) != string(before) {
				t.Error("a key was overwritten")
			}
		})
	}
}

func TestInitRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no terminal":       {nil, "give --snowflake-account"},
		"no region":         {[]string{"--snowflake-account", "acme-eu1"}, "give --region"},
		"no table":          {[]string{"--snowflake-account", "acme-eu1", "--region", "eu1"}, "give --table"},
		"half a name":       {[]string{"--snowflake-account", "acme-eu1", "--region", "eu1", "--table", "CUSTOMERS"}, "with database and schema"},
		"a query unread":    {[]string{"--snowflake-account", "acme-eu1", "--region", "eu1", "--query-file", "q.sql"}, "--reads"},
		"another region":    {[]string{"--snowflake-account", "acme-eu1", "--region", "moon", "--table", "A.B.C"}, "region"},
		"another account":   {[]string{"--snowflake-account", "a b", "--region", "eu1", "--table", "A.B.C"}, "account"},
		"a control letter":  {[]string{"--snowflake-account", "acme-eu1", "--region", "eu1", "--table", "A.B.\"c\n\""}, "control character"},
		"both":              {[]string{"--table", "A.B.C", "--query-file", "q.sql"}, "give one of"},
		"a type":            {[]string{"--type", "people"}, "profile or event"},
		"a relative folder": {[]string{"--secrets-directory", "here"}, "absolute path"},
	} {
		r := tapline(t, "", append([]string{"init", "--dir", dir}, c.args...)...)
		if (r.code != ExitFailed && r.code != ExitRefused) || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != 0 {
		t.Errorf("a refused init has written %v (%v)", made, err)
	}
}

// TestInitImport: the columns that Snowflake describes become a definition that validate
// accepts, whatever their names.
func TestInitImport(t *testing.T) {
	t.Parallel()
	hostile := []schemas.Column{
		{Name: "ID", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"}, {Name: "x}: #\n- evil", Type: "TEXT"}, {Name: "a\"b", Type: "TEXT"}, {Name: "no", Type: "BOOLEAN"},
		{Name: "UPDATED_AT", Type: "TIMESTAMP_NTZ"}, {Name: "HAPPENED_AT", Type: "TIMESTAMP_TZ"}, {Name: "PREFS", Type: "VARIANT"}, {Name: "API_TOKEN", Type: "TEXT"},
	}
	var asked []byte
	server := center(t, map[string]http.HandlerFunc{"POST /v1/preview": func(w http.ResponseWriter, r *http.Request) {
		asked, _ = io.ReadAll(r.Body)
		shown := client.Preview{}
		for _, c := range hostile {
			shown.Columns = append(shown.Columns, client.PreviewColumn{Column: c})
		}
		_ = json.NewEncoder(w).Encode(shown)
	}})
	for name, c := range map[string]struct {
		args []string
		file string
		says []string
	}{
		"profiles": {[]string{"--table", "shop.public.customers"}, "customers.yaml", []string{"cursor: {column: UPDATED_AT", "identity: {column: ID}", "to: Email}", "# left out: API_TOKEN"}},
		"events":   {[]string{"--table", `SHOP.PUBLIC."Big Orders!"`, "--type", "event", "--event", "Order placed"}, "big-orders.yaml", []string{"name: Order placed", "createdOn: {column: HAPPENED_AT}"}},
		"a query":  {[]string{"--query-file", file(t, "active.sql", "select * from SHOP.PUBLIC.CUSTOMERS")}, "active.yaml", []string{"queryFile: "}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := tapline(t, "", append([]string{"--server", server, "init", "--dir", dir}, c.args...)...)
			if r.code != ExitDone {
				t.Fatalf("%+v", r)
			}
			path := filepath.Join(dir, c.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.says {
				if !strings.Contains(string(text), want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			if v := tapline(t, "", "validate", "-f", path); v.code != ExitDone {
				t.Errorf("validate refuses what init wrote: %+v\n%s", v, text)
			}
			if !strings.Contains(string(asked), `"rows":1`) {
				t.Errorf("asked %s", asked)
			}
		})
	}
}

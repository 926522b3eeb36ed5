package scaffold

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ sql, setting string }{
		"shop.Public.customers":      {`"SHOP"."PUBLIC"."CUSTOMERS"`, "SHOP.PUBLIC.CUSTOMERS"},
		`SHOP.PUBLIC."Mixed Case"`:   {`"SHOP"."PUBLIC"."Mixed Case"`, `SHOP.PUBLIC."Mixed Case"`},
		`"a.b"."c""d".ORDER`:         {`"a.b"."c""d"."ORDER"`, `"a.b"."c""d".ORDER`},
		`"; DROP TABLE X; --"`:       {`"; DROP TABLE X; --"`, `"; DROP TABLE X; --"`},
		`"x'); DROP USER A; --".S.T`: {`"x'); DROP USER A; --"."S"."T"`, `"x'); DROP USER A; --".S.T`},
		`"日本"."é".T`:                 {`"日本"."é"."T"`, `"日本"."é".T`},
	} {
		n, err := ParseName(text, 3)
		if err != nil || n.SQL() != want.sql || n.Setting() != want.setting {
			t.Errorf("%s = %s, %s, %v; want %+v", text, n.SQL(), n.Setting(), err, want)
		}
		// What is written is read as the same name again.
		if again, err := ParseName(n.Setting(), 3); err != nil || cmp.Diff(n, again) != "" {
			t.Errorf("%s is read back as %q, %v", n.Setting(), again, err)
		}
	}
	for _, text := range []string{"", ".", "a.", ".a", `"`, `"a`, `"a"b`, `""`, "a b", "a;b", "a-b", "a.b.c.d", "\"a\nDROP USER A;\"", "\"\x00\"", `"` + strings.Repeat("x", 256) + `"`, "a.b'"} {
		if n, err := ParseName(text, 3); err == nil {
			t.Errorf("%q was read as %q", text, n)
		}
	}
}

// TestSQL: each statement by itself, whatever the names; nothing is granted but what is
// read, and each grant once.
func TestSQL(t *testing.T) {
	t.Parallel()
	name := func(text string) Name {
		n, err := ParseName(text, 3)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	sql := Access{
		User: name(`"it's"`), Role: name("READER"), Warehouse: name(`"w""h; DROP"`), PublicKey: "MII+/=",
		Reads: []Object{{Name: name("SHOP.PUBLIC.CUSTOMERS")}, {Name: name(`SHOP.PUBLIC."Mixed View"`), View: true}, {Name: name("SHOP.PUBLIC.CUSTOMERS")}},
	}.SQL()
	var statements []string
	for line := range strings.Lines(sql) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "--") {
			statements = append(statements, line)
		}
	}
	want := []string{
		"USE ROLE USERADMIN;",
		`CREATE ROLE IF NOT EXISTS "READER";`,
		`CREATE USER "it's" TYPE = SERVICE DEFAULT_SECONDARY_ROLES = () RSA_PUBLIC_KEY = 'MII+/=';`,
		"USE ROLE SYSADMIN;",
		`CREATE WAREHOUSE IF NOT EXISTS "w""h; DROP" WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE INITIALLY_SUSPENDED = TRUE;`,
		"USE ROLE SECURITYADMIN;",
		`GRANT ROLE "READER" TO USER "it's";`,
		`GRANT USAGE ON WAREHOUSE "w""h; DROP" TO ROLE "READER";`,
		`GRANT USAGE ON DATABASE "SHOP" TO ROLE "READER";`,
		`GRANT USAGE ON SCHEMA "SHOP"."PUBLIC" TO ROLE "READER";`,
		`GRANT SELECT ON TABLE "SHOP"."PUBLIC"."CUSTOMERS" TO ROLE "READER";`,
		`GRANT SELECT ON VIEW "SHOP"."PUBLIC"."Mixed View" TO ROLE "READER";`,
	}
	if diff := cmp.Diff(want, statements); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}

func TestScalar(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a b": "a b", "EMAIL": "EMAIL", "no": `"no"`, "Null": `"Null"`, "1": `"1"`, "": `""`, "a: b": `"a: b"`, "# x": `"# x"`, "a ": `"a "`, "x}": `"x}"`, "-": `"-"`, "a #b": `"a #b"`, "\n": `"\n"`,
	} {
		if got := scalar(text); got != want {
			t.Errorf("scalar(%q) = %s, want %s", text, got, want)
		}
	}
}

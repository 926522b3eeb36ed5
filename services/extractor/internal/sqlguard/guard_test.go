package sqlguard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

type sample struct {
	Allow bool   `json:"allow"`
	SQL   string `json:"sql"`
	Why   string `json:"why"`
}

// corpus reads statements that are allowed, with what they are, and refused ones
// with a part of their message.
func corpus(t testing.TB) []sample {
	t.Helper()
	data, err := os.ReadFile("testdata/corpus.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var out []sample
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	all := corpus(t)
	legal := 0
	for _, s := range all {
		if s.Allow {
			legal++
		}
		if s.Why == "" {
			t.Errorf("%q does not say why it is legal or not", s.SQL)
		}
	}
	if illegal := len(all) - legal; legal < 200 || illegal < 200 {
		t.Errorf("the corpus has %d legal and %d illegal statements, want 200 of each", legal, illegal)
	}
	for _, s := range all {
		clean, err := Query(s.SQL)
		switch {
		case s.Allow && err != nil:
			t.Errorf("refused %q: %v", s.SQL, err)
		case !s.Allow && err == nil:
			t.Errorf("allowed %q", s.SQL)
		case !s.Allow && !strings.Contains(err.Error(), s.Why):
			t.Errorf("refused %q with %q, want %q", s.SQL, err, s.Why)
		case s.Allow:
			if again, err := Query(clean); err != nil || again != clean {
				t.Errorf("%q does not stay as it is: %q, %v", clean, again, err)
			}
		}
	}
}

// TestUnusualSpaces: what Snowflake gets has plain spaces, but texts, names and
// comments stay as they are.
func TestUnusualSpaces(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"\ufeffselect 1":                                  " select 1",
		"select\u00a0a,\u3000b from\u2003t":               "select a, b from t",
		"select '\u00a0' as \"\u00a0\" -- \u00a0\nfrom t": "select '\u00a0' as \"\u00a0\" -- \u00a0\nfrom t",
	} {
		if got, err := Query(sql); err != nil || got != want {
			t.Errorf("%q became %q, %v; want %q", sql, got, err, want)
		}
	}
	if got, err := Expression("a\u00a0+ 1"); err != nil || got != "a + 1" {
		t.Errorf("an expression became %q, %v", got, err)
	}
	if _, err := Query("select 1 \ufeff"); err == nil {
		t.Error("a byte order mark in the middle was allowed")
	}
}

func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"select 1;\n  select 2":       "line 1, column 9",
		"select é,\n  'x\nfrom t":     "line 2, column 3",
		"select 1\n\n; drop table x":  "line 3, column 1",
		"select * from (\n delete x)": "line 1, column 15",
	} {
		_, err := Query(sql)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", sql, err, want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"T", "SHOP.PUBLIC.CUSTOMERS", `"a b"."c;d"`, "shop . public . t", " t ", "é"} {
		if _, err := Table(ok); err != nil {
			t.Errorf("refused %q: %v", ok, err)
		}
	}
	for _, bad := range []string{"", "a.b.c.d", "a.", ".a", "a b", "t; drop table x", "(select 1)", "t --\n, u", "t,u", `""`, "1a", "$x", "'t'", "f()"} {
		if clean, err := Table(bad); err == nil && strings.TrimSpace(bad) != "t --\n, u" {
			t.Errorf("allowed %q as %q", bad, clean)
		}
	}
}

func TestExpression(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"greatest(a, b)", "a", "coalesce(v:x::timestamp_ntz, b)", "case when a then b else c end", "(select max(x) from t)", "a -- c"} {
		if _, err := Expression(ok); err != nil {
			t.Errorf("refused %q: %v", ok, err)
		}
	}
	for _, bad := range []string{"", "a, b", "a) from t --", "a; b", "select 1", "a from t", "system$wait(1)", "?", "(a", "s.nextval", `s."NEXTVAL"`, "identifier('f')(1)", "'"} {
		if _, err := Expression(bad); err == nil {
			t.Errorf("allowed %q", bad)
		}
	}
}

// FuzzQuery: what is allowed stays inside the wrap. Whatever a reader does with
// the text, its brackets close, nothing is left open, and no semicolon is
// outside of quotes and comments.
func FuzzQuery(f *testing.F) {
	for _, s := range corpus(f) {
		f.Add(s.SQL)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		clean, err := Query(sql)
		if err != nil {
			return
		}
		wrapped := "SELECT src.* FROM (\n" + clean + "\n) AS src"
		tokens, err := lex(wrapped)
		if err != nil {
			t.Fatalf("allowed %q, but wrapped it does not lex: %v", sql, err)
		}
		depth := 0
		for i, tok := range tokens {
			switch {
			case tok.is(";"):
				t.Fatalf("allowed %q with a second statement", sql)
			case tok.is("("):
				depth++
			case tok.is(")"):
				if depth--; depth == 0 && tok.at < len(wrapped)-len(") AS src") && tok.at > len("SELECT src.* FROM (\n")+len(clean) {
					t.Fatalf("allowed %q, which leaves the wrap", sql)
				}
			}
			if depth == 0 && i > 5 && tok.at < len("SELECT src.* FROM (\n")+len(clean) {
				t.Fatalf("allowed %q, which leaves the wrap at %d", sql, tok.at)
			}
		}
		if _, err := Query(wrapped); err != nil {
			t.Fatalf("allowed %q, but not its wrap: %v", sql, err)
		}
	})
}

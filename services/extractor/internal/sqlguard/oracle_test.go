package sqlguard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// reading is what a lexer reads a statement as: where texts, quoted names,
// brackets and semicolons stand, counted in characters.
type reading struct {
	SQL    string  `json:"sql"`
	Tokens [][]any `json:"tokens"` // kind, begin, end
}

func oracle(t *testing.T) []reading {
	t.Helper()
	data, err := os.ReadFile("testdata/oracle.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var out []reading
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var r reading
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// TestOracle compares with an independent lexer: of what the guard lets through,
// both read the same texts, names and brackets. A difference is where a
// statement could hide.
func TestOracle(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, r := range oracle(t) {
		clean, err := Query(r.SQL)
		if err != nil || utf8.RuneCountInString(clean) > utf8.RuneCountInString(r.SQL) {
			continue // refused: what it hides does not matter
		}
		if r.Tokens == nil {
			t.Errorf("allowed %q, which the oracle cannot read", r.SQL)
			continue
		}
		compared++
		if diff := cmp.Diff(r.Tokens, ourReading(t, r.SQL)); diff != "" {
			t.Errorf("%q is read otherwise by the oracle:\n%s", r.SQL, diff)
		}
	}
	if compared < 600 {
		t.Errorf("only %d statements were compared", compared)
	}
}

func ourReading(t *testing.T, sql string) [][]any {
	t.Helper()
	tokens, err := lex(sql)
	if err != nil {
		t.Fatal(err)
	}
	out := [][]any{}
	add := func(kind string, tok token) {
		begin := utf8.RuneCountInString(sql[:tok.at])
		out = append(out, []any{kind, float64(begin), float64(begin + utf8.RuneCountInString(sql[tok.at:tok.end]))})
	}
	for _, tok := range tokens {
		switch {
		case tok.kind == kindString:
			add("text", tok)
		case tok.kind == kindQuoted:
			add("name", tok)
		case tok.kind == kindSymbol && len(tok.text) == 1 && bytes.Contains([]byte("()[]{};"), []byte(tok.text)):
			add(tok.text, tok)
		}
	}
	return out
}

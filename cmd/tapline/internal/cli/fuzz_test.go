package cli

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzTable: whatever a definition, a column or a row is called, a terminal gets
// text and nothing that it would obey.
func FuzzTable(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[2J\x1b]0;x\a", "a\rb\nc\td", "\u202eabc", "\u2028", "表示", "\xff\xfe", "\u009b31m", "e\u0301", "👨‍👩‍👧"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, header, cell string) {
		var out strings.Builder
		if err := printTable(&out, []string{header, "B"}, [][]string{{cell, header}, {"x", cell}}); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if !utf8.ValidString(text) {
			t.Fatalf("%q is not UTF-8", text)
		}
		if lines := strings.Count(text, "\n"); lines != 3 {
			t.Fatalf("%d lines for a header and two rows: %q", lines, text)
		}
		for _, r := range text {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Fatalf("U+%04X reaches the terminal: %q", r, text)
			}
		}
	})
}

// TestJSONIsNotObeyed: a value that a terminal would obey is written as an escape, and read back
// as it was.
func TestJSONIsNotObeyed(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a := &app{io: IO{Out: &out}}
	want := map[string]string{"a": "\x1b[31m\u009b2J\u202e\u2028\x7f é 表", "b": "👨"}
	if err := a.printJSON(want); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r != '\n' && obeyed(r) {
			t.Errorf("U+%04X reaches the terminal: %q", r, out.String())
		}
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || !maps.Equal(got, want) {
		t.Errorf("%q is read as %q, %v", out.String(), got, err)
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"tapline.dev/cmd/tapline/internal/client"
)

func TestTablesAlignWideCharacters(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := printTable(&out, []string{"NAME", "STATE"}, [][]string{{"顧客", "Ready"}, {"customers", "Ready"}}); err != nil {
		t.Fatal(err)
	}
	want := "NAME       STATE\n顧客       Ready\ncustomers  Ready\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// TestNarrowTerminals: a table that a terminal would break becomes a block for each row, with
// a line for each cell. A program gets lines, however long they are.
func TestNarrowTerminals(t *testing.T) {
	t.Parallel()
	table := "NAME       STATE  NEXT\n顧客       Ready  -\ncustomers  Ready  soon\n"
	blocks := "NAME   顧客\nSTATE  Ready\nNEXT   -\n\nNAME   customers\nSTATE  Ready\nNEXT   soon\n"
	for width, want := range map[int]string{0: table, 22: table, 21: blocks, 5: blocks} {
		var out bytes.Buffer
		if err := printTableWithin(&out, width, []string{"NAME", "STATE", "NEXT"}, [][]string{{"顧客", "Ready", "-"}, {"customers", "Ready", "soon"}}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%d columns (-want +got):\n%s", width, diff)
		}
	}
}

// TestTerminalsGetNoControlCharacters: a name or a reason from data can neither
// move the cursor, nor colour the terminal, nor turn the text around.
func TestTerminalsGetNoControlCharacters(t *testing.T) {
	t.Parallel()
	for _, hostile := range []string{"\x1b[2Jx", "a\rb", "a\tb", "a\nb", "a\u202eb", "a\u2028b", "\x9b31m", "a\x00b"} {
		var out bytes.Buffer
		if err := printTable(&out, []string{"H"}, [][]string{{hostile}}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); strings.ContainsAny(got, "\x1b\r\t\x00\u009b\u202e\u2028") || strings.Count(got, "\n") != 2 {
			t.Errorf("%q is printed as %q", hostile, got)
		}
	}
}

func TestLongCellsAreCut(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := printTable(&out, []string{"H"}, [][]string{{strings.Repeat("字", 300)}}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(out.String(), "\n") {
		if width := runewidth.StringWidth(line); width > maxCell {
			t.Errorf("a line is %d wide, want at most %d", width, maxCell)
		}
	}
}

func TestHealthIsNeverRoundedUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		health float64
		want   string
	}{
		{1, "100 %"}, {34005.0 / 34006, "99.99 %"}, {0.99999999, "99.99 %"}, {0.5, "50.00 %"}, {0.4999999, "49.99 %"}, {0, "0.00 %"},
		{0.07, "7.00 %"}, {0.29, "29.00 %"},
	} {
		if got := health(&c.health); got != c.want {
			t.Errorf("health %v is shown as %s, want %s", c.health, got, c.want)
		}
	}
	if got := health(nil); got != "-" {
		t.Errorf("no health is shown as %s", got)
	}
}

// TestTextsOfOthersActOnNoTerminal: rows, and what CleverTap answered, are other people's
// texts also where they stand in sentences.
func TestTextsOfOthersActOnNoTerminal(t *testing.T) {
	t.Parallel()
	const hostile = "\x1b]0;owned\x07\u009b2J\u202e"
	raw := json.RawMessage(`{"A":"` + "\u009b2J\u202e" + `"}`)
	for name, text := range map[string]string{
		"why": whyText(client.Why{Rows: []client.WhyRow{{
			Result: "rejected", Code: "x", Column: hostile, Reason: hostile, Row: raw, Record: raw, Notes: []string{hostile},
			Lines: []client.WhyLine{{Property: hostile, Column: hostile, Before: raw, After: raw, Code: "x", Reason: hostile}}, Uploads: []client.WhyUpload{{Answer: hostile}},
		}}, CleverTap: &client.WhyPerson{Outcome: "found", Profile: raw}}),
		"why, no profile": whyText(client.Why{CleverTap: &client.WhyPerson{Outcome: "unanswered", Reason: hostile}}),
		"why late":        whyLateText(client.WhyLate{Unknown: []string{hostile}, Causes: []client.LateCause{{Text: hostile, Next: hostile}}}),
		"verify": verificationText(client.Verification{Rows: []client.Verified{{
			Identity: hostile, Reason: hostile, Values: []client.VerifiedValue{{Property: hostile, Ours: raw, Theirs: raw, Reason: hostile}},
		}}}, false),
	} {
		if strings.ContainsAny(text, "\x1b\x07\u009b\u202e") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

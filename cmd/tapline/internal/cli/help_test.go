//go:build cgo

package cli

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHelpFitsAScreen: the help of each verb has an example, all before its flags is at most
// 24 lines long, all of it at most 32 unless it has more than eight flags, and no line is
// longer than 90 columns. The list of all verbs is longer, and as narrow, as are those of groups.
func TestHelpFitsAScreen(t *testing.T) {
	t.Setenv(serverEnv, "")
	root := newRoot(IO{Out: io.Discard, Err: io.Discard})
	for _, group := range append(root.Commands(), root) {
		if !group.HasSubCommands() {
			continue
		}
		var list bytes.Buffer
		group.SetOut(&list)
		if err := group.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(list.String()) {
			if n := runewidth.StringWidth(strings.TrimRight(line, "\n")); n > 90 {
				t.Errorf("the help of %s has a line of %d columns: %s", group.CommandPath(), n, line)
			}
		}
	}
	for _, verb := range verbs(root) {
		var help bytes.Buffer
		verb.SetOut(&help)
		if err := verb.Help(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(help.String()), "\n")
		text := slices.Index(lines, "Flags:")
		if text > 24 || len(lines) > 32 && flagCount(verb) <= 8 {
			t.Errorf("the help of %s has %d lines, %d before its flags", verb.CommandPath(), len(lines), text)
		}
		for _, line := range lines {
			if n := runewidth.StringWidth(line); n > 90 && !strings.HasPrefix(line, "  "+verb.Root().Name()) {
				t.Errorf("the help of %s has a line of %d columns: %s", verb.CommandPath(), n, line)
			}
		}
		if !strings.Contains(help.String(), "Examples:\n") || strings.Contains(help.String(), "--token") {
			t.Errorf("the help of %s shows no example, or flags that are not its own:\n%s", verb.CommandPath(), help.String())
		}
	}
}

func flagCount(cmd *cobra.Command) (n int) {
	cmd.LocalFlags().VisitAll(func(*pflag.Flag) { n++ })
	return n
}

// TestOutputForPipes: neither a terminal that can do nothing nor a narrow one nor a pipe
// gets a control sequence, and data are on standard output alone.
func TestOutputForPipes(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "dumb")
	url := shop(t, nil)
	for _, args := range [][]string{
		{"get", "imports"}, {"get", "runs", "-o", "wide"}, {"describe", "import", "customers"}, {"get", "runs", "-o", "json"},
	} {
		r := tapline(t, "", append(args, "--server", url)...)
		if r.code != ExitDone || r.out == "" || strings.ContainsAny(r.out+r.err, "\x1b\r\a") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := tapline(t, "", "get", "run", "customers.43", "--server", url); r.out != "" || r.err == "" {
		t.Errorf("an error is on standard output: %+v", r)
	}
}

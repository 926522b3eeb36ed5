//go:build cgo

package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the reference page anew from the commands")

const referencePage = "../../../../docs/reference/cli.md"

const referenceHead = "# Command line\n\n" +
	"<!-- Written by make docs. Change the commands, not this page. -->\n\n" +
	"`tapline <verb> --help` prints the same. Data goes to standard output, everything else to standard error.\n"

// TestReferenceIsCurrent: a verb, a flag or a default that was added, changed or
// removed is in the reference page, and every verb has an example.
func TestReferenceIsCurrent(t *testing.T) {
	t.Setenv(serverEnv, "")
	root := newRoot(IO{Out: io.Discard, Err: io.Discard})
	var page strings.Builder
	page.WriteString(referenceHead)
	fmt.Fprintf(&page, "\n%s\n", root.Long)
	for _, verb := range verbs(root) {
		if verb.Example == "" {
			t.Errorf("%s has no example", verb.CommandPath())
		}
		describeVerb(&page, verb)
	}
	if *update {
		if err := os.WriteFile(referencePage, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), page.String()); diff != "" {
		t.Errorf("docs/reference/cli.md differs from the commands; run make docs (-page +commands):\n%s", diff)
	}
}

// verbs are the commands that do something, in the order of their names.
func verbs(cmd *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, sub := range cmd.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		if sub.HasSubCommands() {
			out = append(out, verbs(sub)...)
			continue
		}
		out = append(out, sub)
	}
	return out
}

func describeVerb(page *strings.Builder, verb *cobra.Command) {
	text := verb.Long
	if text == "" {
		text = verb.Short + "."
	}
	fmt.Fprintf(page, "\n## %s\n\n    %s\n\n%s\n", verb.CommandPath(), verb.UseLine(), text)
	if verb.Example != "" {
		fmt.Fprintf(page, "\n```\n%s\n```\n", strings.TrimRight(unindent(verb.Example), "\n"))
	}
	var flags [][2]string
	verb.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || verb.InheritedFlags().Lookup(f.Name) != nil {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		usage := f.Usage
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" {
			usage += " (default `" + f.DefValue + "`)"
		}
		flags = append(flags, [2]string{name, strings.ReplaceAll(usage, "|", `\|`)})
	})
	if len(flags) == 0 {
		return
	}
	page.WriteString("\n| flag | meaning |\n|---|---|\n")
	for _, f := range flags {
		fmt.Fprintf(page, "| %s | %s |\n", f[0], f[1])
	}
}

func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

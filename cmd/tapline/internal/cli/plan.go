package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
)

// planCommand is plan, and diff, which is another name for it.
func (a *app) planCommand(name, short string) *cobra.Command {
	var flags changeFlags
	cmd := &cobra.Command{
		Use: name + " -f FILE | --generation N IMPORT", Short: short,
		Long: short + `: each field that is added (+), changed (~)
or removed (-), and what that causes (!). Nothing is written.

Exit codes: 0 nothing would change, 2 there are changes, 4 apply would refuse them.`,
	}
	a.outputFlag(cmd)
	flags.add(cmd)
	sources := a.changeSources(cmd, &flags)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		p, err := a.prepare(ctx, c, &flags, *sources, args)
		if err != nil {
			return err
		}
		planned, err := c.Plan(ctx, p.change)
		if err != nil {
			return refusedPlan(p.inFiles(err))
		}
		shown := struct {
			client.Plan
			Values map[string]string `json:"values,omitempty"`
		}{planned, p.values}
		if err := a.printFetched(shown, nil, func() error { return printPlan(a.io.Out, &p, planned) }); err != nil {
			return err
		}
		switch {
		case planned.Refused:
			return exit(ExitRefused, nil)
		case changes(planned) > 0:
			return exit(ExitChanges, nil)
		}
		return nil
	})
	return cmd
}

// refusedPlan gives every refusal of a change the exit code of one.
func refusedPlan(err error) error {
	if p, ok := errors.AsType[*client.Problem](err); ok && p.Status >= 400 && p.Status < 500 && p.Status != 429 {
		return exit(ExitRefused, err)
	}
	return err
}

// changeSources reads the files of a change before the server is asked.
func (a *app) changeSources(cmd *cobra.Command, flags *changeFlags) *[]definition.Source {
	var sources []definition.Source
	checkFirst(cmd, func(args []string) (err error) {
		if err := flags.check(args); err != nil || flags.generation > 0 {
			return err
		}
		sources, err = a.sources(flags.files)
		return err
	})
	return &sources
}

func changes(p client.Plan) (n int) {
	for _, c := range p.Changes {
		if c.Outcome != "unchanged" {
			n++
		}
	}
	return n
}

// planWidth is what a line of a plan takes at most.
const planWidth = 80

// printPlan writes a plan for people.
func printPlan(out io.Writer, p *prepared, planned client.Plan) error {
	var b strings.Builder
	counts := map[string]int{}
	for _, name := range p.names() {
		writeWrapped(&b, "", "vars."+name+" is "+p.values[name])
	}
	for _, c := range planned.Changes {
		if counts[c.Outcome]++; c.Outcome != "unchanged" {
			writeChange(&b, c)
		}
	}
	for _, w := range planned.Warnings {
		writeWrapped(&b, "warning: ", w.Text)
	}
	if planned.Approval {
		writeWrapped(&b, "", "Apply lets this wait for a second person (tapline approvals).")
	}
	fmt.Fprintf(&b, "%d to create, %d to change, %d to remove, %d unchanged\n", counts["created"], counts["updated"], counts["removed"], counts["unchanged"])
	_, err := io.WriteString(out, b.String())
	return err
}

func writeChange(b *strings.Builder, c client.PlannedChange) {
	what := map[string]string{
		"created": "is created, as generation %d", "updated": "is changed, to generation %d", "removed": "is removed",
	}[c.Outcome]
	if c.Outcome != "removed" {
		what = fmt.Sprintf(what, c.Generation)
	}
	mark := map[string]string{"created": "+ ", "updated": "~ ", "removed": "- "}[c.Outcome]
	writeWrapped(b, mark, c.Kind+" "+c.Name+" "+what)
	for _, f := range c.Fields {
		if c.Outcome != "removed" {
			writeField(b, f)
		}
	}
	for _, e := range c.Consequences {
		writeWrapped(b, "    ! ", e.Text)
	}
}

// writeField writes one difference: on a line of its own if it fits, else below it.
func writeField(b *strings.Builder, f client.PlannedField) {
	mark := "    " + map[string]string{"add": "+", "change": "~", "remove": "-"}[f.Op] + " " + f.Path
	before, after := valueText(f.Before), valueText(f.After)
	line := mark + ": "
	switch f.Op {
	case "add":
		line += after
	case "remove":
		line += before
	default:
		line += before + " -> " + after
	}
	if line = printable(line); !strings.Contains(before+after, "\n") && runewidth.StringWidth(line) <= planWidth {
		fmt.Fprintln(b, line)
		return
	}
	fmt.Fprintln(b, printable(mark))
	for _, l := range lineDiff(before, after) {
		fmt.Fprintln(b, runewidth.Truncate("        "+printable(l), planWidth, "…"))
	}
}

// valueText is a value as a person writes it: texts without quotes.
func valueText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		return strings.TrimRight(text, "\n")
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	return compact.String()
}

// lineDiff are the lines that go and come; those that both have at the start and at the
// end are left out.
func lineDiff(before, after string) (lines []string) {
	a, b := linesOf(before), linesOf(after)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	for _, l := range a {
		lines = append(lines, "- "+l)
	}
	for _, l := range b {
		lines = append(lines, "+ "+l)
	}
	return lines
}

func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// writeWrapped writes a sentence in lines of planWidth, those after the first indented as
// wide as the mark.
func writeWrapped(b *strings.Builder, mark, text string) {
	line, indent := mark, strings.Repeat(" ", runewidth.StringWidth(mark))
	empty := true
	for _, word := range strings.Fields(printable(text)) {
		if !empty && runewidth.StringWidth(line)+1+runewidth.StringWidth(word) > planWidth {
			fmt.Fprintln(b, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	fmt.Fprintln(b, line)
}

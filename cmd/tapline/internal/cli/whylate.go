package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) whyLateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "why-late IMPORT", Short: "Tell why an import is late or what its run waits for", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(importNames),
		Long: `Tell why an import is late, or what its run waits for: a chain of causes with the
first one on top. What stands still comes before what is slow. Each cause has its
figures, since when, and what to do next; what could not be found out is said.

The codes are listed in docs/operations.md.`,
	}
	a.oneOf(cmd, "text", "json")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		answer, text, err := c.WhyLate(ctx, args[0])
		return a.printFetched(text, err, func() error {
			_, err := fmt.Fprint(a.io.Out, whyLateText(answer))
			return err
		})
	})
	return cmd
}

// whyLateText formats an explanation for people.
func whyLateText(w client.WhyLate) string {
	var b strings.Builder
	if w.Due != nil {
		late := time.Duration(w.LateSeconds * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(&b, "%s is late: no run has succeeded for the instant %s, %s ago\n", w.Import, moment(w.Due), late)
	} else {
		fmt.Fprintf(&b, "%s is not late\n", w.Import)
	}
	if w.Run != "" {
		fmt.Fprintf(&b, "%s is %s\n", w.Run, w.State)
	}
	for i, c := range w.Causes {
		fmt.Fprintf(&b, "\n%d. %s: %s\n", i+1, c.Code, printableLines(c.Text))
		if c.Next != "" {
			fmt.Fprintf(&b, "   next: %s\n", printableLines(c.Next))
		}
	}
	for _, u := range w.Unknown {
		fmt.Fprintf(&b, "\nnot known: %s\n", printable(u))
	}
	return b.String()
}

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) auditCommand() *cobra.Command {
	var q client.AuditQuery
	cmd := &cobra.Command{
		Use: "audit", Short: "List who changed what and who looked at rows, oldest first", Args: cobra.NoArgs,
		Long: `List who changed what and who looked at rows, oldest first; of the last day unless
--since says otherwise. With -o ndjson, one entry a line with what was there before
and after, for a file of each day:

  tapline audit --since 2026-11-28 --until 2026-11-29 -o ndjson > audit-2026-11-28.ndjson`,
	}
	a.oneOf(cmd, "table", "ndjson")
	cmd.Flags().StringVar(&q.Since, "since", "", "from this date or instant on, such as 2026-11-28 or 2026-11-28T09:00:00Z (UTC)")
	cmd.Flags().StringVar(&q.Until, "until", "", "before this date or instant")
	cmd.Flags().StringVar(&q.Actor, "actor", "", "only of this actor, such as key:ci")
	cmd.Flags().StringVar(&q.Action, "action", "", "only apply, delete, command, read, sign-in or sign-out")
	cmd.Flags().StringVar(&q.Name, "name", "", "only about this import, run, connection, account or key")
	checkFirst(cmd, func([]string) (err error) {
		if q.Since, err = instant("--since", q.Since); err != nil {
			return err
		}
		q.Until, err = instant("--until", q.Until)
		return err
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		if a.output == "ndjson" {
			lines := a.encoder()
			return c.Audit(ctx, q, func(e schemas.AuditEntry) error { return lines.Encode(e) })
		}
		var rows [][]string
		err := c.Audit(ctx, q, func(e schemas.AuditEntry) error {
			rows = append(rows, []string{moment(&e.Time), e.Actor, orDash(e.Role), e.Action, e.Kind, e.Name, orDash(e.From), orDash(e.RequestID)})
			return nil
		})
		if err != nil {
			return err
		}
		return printTable(a.io.Out, []string{"AT", "ACTOR", "ROLE", "ACTION", "KIND", "NAME", "FROM", "REQUEST"}, rows)
	})
	return cmd
}

// instant reads a date or an instant into what the API takes.
func instant(flag, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC().Format(time.RFC3339), nil
		}
	}
	return "", fmt.Errorf("%s is a date or an instant, such as 2026-11-28 or 2026-11-28T09:00:00Z, not %q", flag, text)
}

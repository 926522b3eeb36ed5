package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) accessSessions() *cobra.Command {
	cmd := &cobra.Command{Use: "sessions", Short: "List who is signed in with a browser", Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Sessions(ctx)
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, s := range list.Items {
				rows = append(rows, []string{s.ID, s.Name, s.Role, orDash(s.From), moment(&s.BeganAt), moment(&s.LastUsedAt), moment(&s.EndsAt)})
			}
			return printTable(a.io.Out, []string{"SESSION", "WHO", "ROLE", "FROM", "BEGAN", "LAST USED", "ENDS"}, rows)
		})
	})
	return cmd
}

func (a *app) accessSignOut() *cobra.Command {
	return &cobra.Command{
		Use: "sign-out WHO", Short: "End the browser sessions of a person, or one session", Args: cobra.ExactArgs(1),
		Long: `End every browser session of a person, as tapline access sessions names them, or one
session by its id. It is over at once. Whoever still has a role can sign in again:
take the role away at the OpenID provider first.`,
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			list, err := c.Sessions(ctx)
			if err != nil {
				return err
			}
			ended := 0
			for _, s := range list.Items {
				if s.ID != args[0] && s.Name != args[0] {
					continue
				}
				if err := c.EndSession(ctx, s.ID); err != nil {
					return err
				}
				ended++
			}
			if ended == 0 {
				return fmt.Errorf("nobody is signed in as %s; see tapline access sessions", args[0])
			}
			a.say("%d sessions of %s are ended", ended, args[0])
			return nil
		}),
	}
}

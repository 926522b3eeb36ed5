package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) accessSessions() *cobra.Command {
	cmd := &cobra.Command{Use: "sessions", Short: "List who is signed in with a browser", Args: cobra.NoArgs}
	a.outputFlag(cmd)
	whose := ownFlag(cmd, "list where you are signed in yourself, which needs no admin")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Sessions(ctx, whose())
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, s := range list.Items {
				rows = append(rows, []string{s.ID, s.Name, cmp.Or(s.RoleName, s.Role), orDash(s.From), moment(&s.BeganAt), moment(&s.LastUsedAt), moment(&s.EndsAt)})
			}
			return printTable(a.io.Out, []string{"SESSION", "WHO", "ROLE", "FROM", "BEGAN", "LAST USED", "ENDS"}, rows)
		})
	})
	return cmd
}

// ownFlag adds --own and returns whose sessions are meant.
func ownFlag(cmd *cobra.Command, usage string) func() string {
	own := cmd.Flags().Bool("own", false, usage)
	return func() string {
		if *own {
			return client.OfCaller
		}
		return client.OfAll
	}
}

func (a *app) accessSignOut() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sign-out [WHO]", Short: "End the browser sessions of a person, or one session", Args: cobra.MaximumNArgs(1),
		Long: `End every browser session of a person, as tapline access sessions names them, or one
session by its id; with --own all of yours, or the one that you name. It is over at
once. Whoever still has a role can sign in again: take the role away at the OpenID
provider first.`,
	}
	whose := ownFlag(cmd, "end your own sessions, which needs no admin")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if len(args) == 0 && whose() == client.OfAll {
			return errors.New("name a person or a session, or end your own with --own")
		}
		list, err := c.Sessions(ctx, whose())
		if err != nil {
			return err
		}
		ended := 0
		for _, s := range list.Items {
			if len(args) == 1 && s.ID != args[0] && s.Name != args[0] {
				continue
			}
			if err := c.EndSession(ctx, whose(), s.ID); err != nil {
				return err
			}
			ended++
		}
		switch {
		case len(args) == 0:
			a.say("%d sessions of yours are ended", ended)
		case ended == 0:
			return fmt.Errorf("nobody is signed in as %s; see tapline access sessions", args[0])
		default:
			a.say("%d sessions of %s are ended", ended, args[0])
		}
		return nil
	})
	return cmd
}

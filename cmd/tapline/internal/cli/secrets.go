package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tapline.dev/cmd/tapline/internal/client"
)

// maxSecret is larger than the largest secret that the server accepts.
const maxSecret = 128 << 10

func (a *app) secretsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "secrets", Short: "Store keys and passcodes for the services; nothing shows them again"}
	cmd.AddCommand(a.secretsSet(), a.secretsList(), a.secretsDelete())
	return cmd
}

func (a *app) secretsSet() *cobra.Command {
	var use string
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Store a key, passcode or password, or replace it, and print its reference", Args: cobra.ExactArgs(1),
		Long: `Store a key, passcode or password, or replace it, and print the reference to write
into a connection or an account in its place. The value is read from standard input;
at a terminal you are asked for it and it is not shown. No command shows it again.
It needs the role admin and a deployment that stores secrets (secrets.store).`,
	}
	forFlag(cmd, &use)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		value, err := a.secretValue()
		if err != nil {
			return err
		}
		reference, err := c.PutSecret(ctx, use, args[0], value)
		if err != nil {
			return err
		}
		a.say("stored; write this reference into the definition:")
		_, err = fmt.Fprintln(a.io.Out, reference)
		return err
	})
	return cmd
}

// forFlag is --for, which says what system a secret signs in to.
func forFlag(cmd *cobra.Command, use *string) {
	cmd.Flags().StringVar(use, "for", "", "snowflake or clevertap: which system it signs in to")
	_ = cmd.MarkFlagRequired("for")
	checkFirst(cmd, func([]string) error {
		if !slices.Contains([]string{"snowflake", "clevertap"}, *use) {
			return fmt.Errorf("--for is snowflake or clevertap, not %q", *use)
		}
		return nil
	})
}

func (a *app) secretsList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List what is stored, since when, and what refers to it", Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Secrets(ctx)
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, s := range list.Items {
				rows = append(rows, []string{s.Name, s.Use, moment(&s.StoredAt), orDash(strings.Join(s.UsedBy, ", ")), s.Reference})
			}
			return printTable(a.io.Out, []string{"SECRET", "FOR", "STORED", "USED BY", "REFERENCE"}, rows)
		})
	})
	return cmd
}

func (a *app) secretsDelete() *cobra.Command {
	var use string
	cmd := &cobra.Command{Use: "delete NAME", Short: "Delete a secret that no connection and no account refers to", Args: cobra.ExactArgs(1)}
	forFlag(cmd, &use)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if err := c.DeleteSecret(ctx, use, args[0]); err != nil {
			return err
		}
		a.say("the secret %s for %s is deleted", args[0], use)
		return nil
	})
	return cmd
}

// secretValue reads a secret from standard input, at a terminal without showing it.
func (a *app) secretValue() (string, error) {
	if file, ok := a.io.In.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return a.readHidden("value: ")
	}
	text, err := io.ReadAll(io.LimitReader(a.io.In, maxSecret))
	if err != nil {
		return "", fmt.Errorf("reading the value from standard input: %w", err)
	}
	return string(text), nil
}

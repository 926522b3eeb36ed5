package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) deleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete import|connection|account|default NAME",
		Short: "Delete an import, or a resource that no import names",
		Long: `Delete an import, or a connection, an account or defaults that no import names. An
import with an active run is not deleted. Its topics keep their data until it
expires; tapline topics prune removes what is left.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeKindAndName,
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "delete without being asked")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		plural, err := pluralOf(args[0])
		if err != nil {
			return err
		}
		_, etag, err := c.Document(ctx, plural, args[1])
		if err != nil {
			return err
		}
		if !yes && !a.confirmed("delete "+args[0]+" "+args[1]+"? [yes/no] ") {
			return errors.New("nothing was deleted; --yes deletes without asking")
		}
		if err := c.DeleteDocument(ctx, plural, args[1], etag); err != nil {
			return err
		}
		a.say("%s %s is deleted", args[0], args[1])
		return nil
	})
	return cmd
}

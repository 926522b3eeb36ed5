package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) deleteCommand() *cobra.Command {
	var yes, cancel bool
	var topics string
	cmd := &cobra.Command{
		Use:   "delete import|connection|account|default NAME",
		Short: "Delete an import, or a resource that no import names",
		Long: `Delete an import, or a connection, an account or defaults that no import names.

Of an import --topics says what becomes of its rows and records topics: keep leaves
them until their data expires, remove deletes them for good, once the run that is
under way has ended. While a run is active the import is not deleted, unless --cancel
cancels the run. What is kept is printed. What was sent stays in CleverTap.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeKindAndName,
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "delete without being asked")
	cmd.Flags().StringVar(&topics, "topics", "", "of an import: keep or remove its topics")
	cmd.Flags().BoolVar(&cancel, "cancel", false, "of an import: cancel the run that is active")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		plural, err := pluralOf(args[0])
		if err != nil {
			return err
		}
		isImport := plural == "imports"
		switch {
		case isImport && topics != "keep" && topics != "remove":
			return errors.New("say what becomes of the import's topics: --topics keep or --topics remove")
		case !isImport && (topics != "" || cancel):
			return errors.New("--topics and --cancel are of imports only")
		}
		_, etag, err := c.Document(ctx, plural, args[1])
		if err != nil {
			return err
		}
		if !yes && !a.confirmed("delete "+args[0]+" "+args[1]+"? [yes/no] ") {
			return errors.New("nothing was deleted; --yes deletes without asking")
		}
		if isImport {
			deleted, err := c.DeleteImport(ctx, args[1], etag, topics, cancel)
			if err != nil {
				return err
			}
			a.sayDeleted(deleted)
			return nil
		}
		if err := c.DeleteDocument(ctx, plural, args[1], etag); err != nil {
			return err
		}
		a.say("%s %s is deleted", args[0], args[1])
		return nil
	})
	return cmd
}

func (a *app) sayDeleted(deleted client.Deleted) {
	a.say("import %s is deleted", deleted.Import)
	if deleted.Cancelled != "" {
		a.say("its run %s is cancelled", deleted.Cancelled)
	}
	for _, topic := range deleted.Removed {
		a.say("removed: %s", topic)
	}
	for _, kept := range deleted.Kept {
		a.say("kept: %s", kept)
	}
}

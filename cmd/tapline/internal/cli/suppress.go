package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) suppressCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "suppress", Short: "Say who must not be sent again: people who were erased or who object",
		Long: `Say who must not be sent again to a CleverTap account: people who were erased or
who object. Within five seconds after add no upload begins that holds one of them,
in any mode; their rows count as skipped (suppressed). Identities are what the
import's identity column holds, exactly; a person with several needs an entry for
each.

Give identities in a file or on standard input, one on a line or in the column of
a CSV file. As an argument others on the machine see them.`,
	}
	cmd.AddCommand(a.suppressAdd(), a.suppressRemove(), a.suppressCheck(), a.suppressList(), a.suppressKey())
	return cmd
}

// suppressFlags say for which account and where the identities are.
type suppressFlags struct {
	account, file, column string
}

func (f *suppressFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.account, "account", "", "the CleverTap account")
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "read identities from this file, - for standard input")
	cmd.Flags().StringVar(&f.column, "column", "", "the file is CSV with a header, and this is the identities' column")
	_ = cmd.MarkFlagRequired("account")
}

// eachBatch calls do with the identities, so many at a time as a request holds.
func (a *app) eachBatch(ctx context.Context, f suppressFlags, args []string, do func(c *client.Client, identities []string) error) error {
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	in, err := openIdentities(a.io.In, f, args)
	if err != nil {
		return err
	}
	defer in.close()
	for {
		batch, err := in.next()
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return in.any()
		}
		if err := do(c, batch); err != nil {
			return fmt.Errorf("identities %d to %d were not taken, those before them were: %w", in.read-len(batch)+1, in.read, err)
		}
	}
}

func (a *app) suppressAdd() *cobra.Command {
	var f suppressFlags
	cmd := &cobra.Command{
		Use: "add [IDENTITY]...", Short: "Suppress people in an account",
		Long: `Suppress people in an account. Adding somebody again changes nothing, except that
an entry made with an older key is replaced by one made with the newest.`,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		added, already := 0, 0
		err := a.eachBatch(cmd.Context(), f, args, func(c *client.Client, identities []string) error {
			n, m, err := c.Suppress(cmd.Context(), f.account, identities)
			added, already = added+n, already+m
			return err
		})
		a.say("%s suppressed in %s, %s were already", number(int64(added)), f.account, number(int64(already)))
		return err
	}
	return cmd
}

func (a *app) suppressRemove() *cobra.Command {
	var f suppressFlags
	cmd := &cobra.Command{
		Use: "remove [IDENTITY]...", Short: "Release people: the next run that reads their rows sends them",
		Long: `Release people: the next run that reads their rows sends them. A run reads a row
again once it has changed, or in a backfill or after a reset of the import.`,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		removed, absent := 0, 0
		err := a.eachBatch(cmd.Context(), f, args, func(c *client.Client, identities []string) error {
			n, m, err := c.Release(cmd.Context(), f.account, identities)
			removed, absent = removed+n, absent+m
			return err
		})
		a.say("%s released in %s, %s were not suppressed", number(int64(removed)), f.account, number(int64(absent)))
		return err
	}
	return cmd
}

func (a *app) suppressCheck() *cobra.Command {
	var f suppressFlags
	cmd := &cobra.Command{
		Use: "check [IDENTITY]...", Short: "Say whether people are suppressed, and since when",
		Long: `Say whether people are suppressed, and since when: a line for each, by its
position. The identities are not printed. That somebody asked is in the audit.`,
	}
	f.add(cmd)
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		all := []client.Suppressed{}
		err := a.eachBatch(cmd.Context(), f, args, func(c *client.Client, identities []string) error {
			some, err := c.Suppressed(cmd.Context(), f.account, identities)
			all = append(all, some...)
			return err
		})
		if err != nil {
			return err
		}
		if a.output == "json" {
			return a.printJSON(all)
		}
		var rows [][]string
		for i, s := range all {
			row := []string{strconv.Itoa(i + 1), "no", "-"}
			if s.Suppressed {
				row[1] = "yes"
			}
			if !s.Since.IsZero() {
				row[2] = moment(&s.Since)
			}
			rows = append(rows, row)
		}
		return printTable(a.io.Out, []string{"NUMBER", "SUPPRESSED", "SINCE"}, rows)
	}
	return cmd
}

func (a *app) suppressList() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "list", Short: "Count who is suppressed in an account; nobody can list whom", Args: cobra.NoArgs,
		Long: `Count who is suppressed in an account, by the key that the entries were made with.
The list holds keyed hashes: it cannot be turned back into identities.`,
	}
	cmd.Flags().StringVar(&account, "account", "", "the CleverTap account")
	_ = cmd.MarkFlagRequired("account")
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		counts, err := c.SuppressionCounts(cmd.Context(), account)
		if err != nil {
			return err
		}
		if a.output == "json" {
			return a.printJSON(counts)
		}
		var rows [][]string
		for _, k := range counts.Keys {
			is := "older"
			switch {
			case !k.Known:
				is = "missing: nothing is sent to the account"
			case k.Newest:
				is = "newest"
			}
			rows = append(rows, []string{k.KeyID, number(int64(k.Entries)), is})
		}
		return printTable(a.io.Out, []string{"KEY", "SUPPRESSED", "THE KEY IS"}, rows)
	}
	return cmd
}

func (a *app) suppressKey() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "key", Short: "Make a key for suppression.keys", Args: cobra.NoArgs,
		Long: `Make a key for suppression.keys, which Import Center, extractor, mapper and loader
need alike. With --out it goes to a file that only its owner reads; a file that is
there stays as it is. Keep a copy where your secrets are: without the key nobody
can say who is suppressed, and nothing is sent to accounts with suppressed people.`,
	}
	cmd.Flags().StringVar(&out, "out", "", "write the key into this file")
	cmd.RunE = func(*cobra.Command, []string) error {
		var raw [32]byte
		_, _ = rand.Read(raw[:]) // it never fails: the process ends if there is no randomness
		key := hex.EncodeToString(raw[:])
		if out == "" {
			_, err := fmt.Fprintln(a.io.Out, key)
			return err
		}
		file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if os.IsExist(err) {
			a.say("%s is there and stays as it is", out)
			return nil
		}
		if err != nil {
			return fmt.Errorf("writing the key: %w", pathless(err))
		}
		_, err = fmt.Fprintln(file, key)
		if closing := file.Close(); err == nil {
			err = closing
		}
		return err
	}
	return cmd
}

// pathless is an error of a file without the operation's name.
func pathless(err error) error {
	if p, ok := err.(*fs.PathError); ok { //nolint:errorlint // os.OpenFile returns it as it is
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

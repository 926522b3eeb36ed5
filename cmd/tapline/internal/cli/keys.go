package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Create, list and revoke keys to Import Center; make key pairs for Snowflake"}
	cmd.AddCommand(a.keysCreate(), a.keysList("list", "List keys: who may do what, last used, expiring"), a.keysRevoke(), a.keysBootstrap(), a.keysSnowflake())
	return cmd
}

func (a *app) accessCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "access", Short: "Show who may do what"}
	whoami := &cobra.Command{Use: "whoami", Short: "Show who you are to Import Center", Args: cobra.NoArgs, RunE: a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		caller, err := c.Caller(ctx)
		if err != nil {
			return err
		}
		return a.printJSON(caller)
	})}
	cmd.AddCommand(a.keysList("list", "List who may do what by key, last used and expiring"), whoami, a.accessSessions(), a.accessSignOut())
	return cmd
}

func (a *app) keysCreate() *cobra.Command {
	var k client.NewKey
	var selector selectorFlags
	var expires string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a key and print it, this once", Args: cobra.ExactArgs(1),
		Long: `Create a key and print it, this once: it is stored nowhere. Give it to a script as
TAPLINE_TOKEN. The roles are viewer, operator, analyst, editor and admin; each may
also do what the roles before it may do.`,
	}
	a.outputFlag(cmd)
	cmd.Flags().StringVar(&k.Role, "role", "", "viewer, operator, analyst, editor or admin, or what the deployment calls them")
	cmd.Flags().StringVar(&expires, "expires", "90d", "after how long it ends, such as 12h or 90d, or never")
	selector.add(cmd)
	_ = cmd.MarkFlagRequired("role")
	checkFirst(cmd, func(args []string) (err error) {
		k.Name = args[0]
		if k.Selector, err = selector.read(); err != nil {
			return err
		}
		k.ExpiresAt, err = expiry(expires, time.Now())
		return err
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		made, err := c.CreateKey(ctx, k)
		return a.printFetched(made, err, func() error {
			a.say("the key %s of role %s, shown this once:", made.Name, cmp.Or(made.RoleName, made.Role))
			_, err := fmt.Fprintln(a.io.Out, made.Secret)
			return err
		})
	})
	return cmd
}

// selectorFlags are --import and --label.
type selectorFlags struct {
	names  []string
	labels []string
}

func (f *selectorFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.names, "import", nil, "only for imports with this name, in which * stands for any letters; may be given again")
	cmd.Flags().StringSliceVar(&f.labels, "label", nil, "only for imports with this label, as key=value; may be given again")
}

func (f *selectorFlags) read() (*schemas.Selector, error) {
	if len(f.names)+len(f.labels) == 0 {
		return nil, nil
	}
	s := &schemas.Selector{Names: f.names}
	for _, text := range f.labels {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--label is key=value, not %q", text)
		}
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		s.Labels[key] = value
	}
	return s, nil
}

func expiry(text string, now time.Time) (*time.Time, error) {
	if text == "never" {
		return nil, nil
	}
	d, err := schemas.ParseDuration(text)
	if err != nil || d <= 0 {
		return nil, fmt.Errorf("--expires is a time such as 12h or 90d, or never, not %q", text)
	}
	at := now.UTC().Add(time.Duration(d)).Truncate(time.Second)
	return &at, nil
}

func (a *app) keysList(use, short string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Keys(ctx)
		return a.printFetched(list, err, func() error {
			var rows [][]string
			for _, k := range list.Items {
				expires := moment(&k.ExpiresAt)
				if k.Expired {
					expires = "expired " + expires
				}
				rows = append(rows, []string{k.Name, cmp.Or(k.RoleName, k.Role), selected(k.Selector), expires, moment(&k.LastUsedAt), k.CreatedBy, moment(&k.CreatedAt)})
			}
			return printTable(a.io.Out, []string{"KEY", "ROLE", "IMPORTS", "EXPIRES", "LAST USED", "MADE BY", "AT"}, rows)
		})
	})
	return cmd
}

func selected(s *schemas.Selector) string {
	if s == nil {
		return "all"
	}
	parts := slices.Clone(s.Names)
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		parts = append(parts, key+"="+s.Labels[key])
	}
	return strings.Join(parts, " ")
}

func (a *app) keysRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "Revoke a key: within a second every replica refuses it", Args: cobra.ExactArgs(1),
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.RevokeKey(ctx, args[0]); err != nil {
				return err
			}
			a.say("the key %s is revoked", args[0])
			return nil
		}),
	}
}

package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

// resourceKind is a kind of resource as verbs name it.
type resourceKind struct {
	plural   string // in the API, and of the verb that lists
	singular string // of the verb that shows one
	what     string
	about    string
}

// resourceKinds are the kinds of resources that verbs show.
var resourceKinds = []resourceKind{
	{"connections", "connection", "Snowflake connections", "a Snowflake connection"},
	{"accounts", "account", "CleverTap accounts", "a CleverTap account"},
	{"defaults", "default", "defaults of imports", "defaults of imports"},
	{"notifications", "notification", "who is told of late and failing imports", "a notification"},
}

var resourceColumns = []column[schemas.Resource]{
	{head: "NAME", cell: func(r schemas.Resource) string { return r.Metadata.Name }},
	{head: "KIND", cell: func(r schemas.Resource) string { return r.Kind }},
	{head: "GENERATION", cell: func(r schemas.Resource) string { return strconv.Itoa(r.Generation) }},
	{head: "APPLIED", cell: func(r schemas.Resource) string { return moment(&r.AppliedAt) }},
	{head: "OWNER", wide: true, cell: func(r schemas.Resource) string { return orDash(r.Metadata.Owner) }},
	{head: "LABELS", wide: true, cell: func(r schemas.Resource) string { return labelsText(r.Metadata.Labels) }},
}

// labelsText is labels as -l takes them.
func labelsText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, key+"="+labels[key])
	}
	return orDash(strings.Join(parts, ","))
}

func resourceName(r schemas.Resource) string { return r.Metadata.Name }

func (a *app) getResources(kind resourceKind) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use: kind.plural + " [NAME…]", Short: "List " + kind.what + "; -o yaml as apply takes them",
		ValidArgsFunction: a.completeAll(resourceNames(kind)),
	}
	a.listFlags(cmd, &f, true)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		view := view[schemas.Resource]{
			columns: resourceColumns, name: resourceName,
			document: func(ctx context.Context, r schemas.Resource) ([]byte, error) {
				return definitionYAML(ctx, c, kind.plural, r.Metadata.Name)
			},
			fetch: func(ctx context.Context) (client.List[schemas.Resource], error) {
				list, err := c.Resources(ctx, kind.plural)
				list.Items = slices.DeleteFunc(list.Items, func(r schemas.Resource) bool { return !f.labels.selects(r.Metadata.Labels) })
				return list, err
			},
		}
		return showList(ctx, a, view, args, f.watch)
	})
	return cmd
}

func (a *app) getResource(kind resourceKind) *cobra.Command {
	cmd := &cobra.Command{
		Use: kind.singular + " NAME", Short: "Show " + kind.about + " as applied; -o yaml as apply takes it", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(resourceNames(kind)),
	}
	a.oneOf(cmd, "json", "yaml", "name")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		return a.showDefinition(ctx, c, kind.plural, args[0])
	})
	return cmd
}

// pluralOf is the API's name of what a verb such as edit or delete names.
func pluralOf(kind string) (string, error) {
	switch kind {
	case "import", "imports":
		return "imports", nil
	}
	for _, k := range resourceKinds {
		if kind == k.singular || kind == k.plural {
			return k.plural, nil
		}
	}
	return "", fmt.Errorf("%q is none of import, connection, account, default and notification", kind)
}

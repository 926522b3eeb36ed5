package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

// completeWithin bounds a completion: somebody has pressed a key and waits.
const completeWithin = 2 * time.Second

// completedRuns is how many of the newest runs are offered.
const completedRuns = 100

// names are what a completion offers.
type names func(ctx context.Context, c *client.Client) ([]string, error)

// completeOne completes a verb's first argument with names from the server. A server that
// does not answer completes nothing.
func (a *app) completeOne(offer names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.offer(cmd, offer, args, begun)
	}
}

// completeAll completes each argument with the names that are not there yet.
func (a *app) completeAll(offer names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		return a.offer(cmd, offer, args, begun)
	}
}

// completeFlag completes a flag's value with names from the server.
func (a *app) completeFlag(cmd *cobra.Command, flag string, offer names) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return a.offer(cmd, offer, nil, begun)
	})
	if err != nil {
		panic(err) // the flag was not added before
	}
}

// completeWords completes a flag's value with words that need no server.
func completeWords(cmd *cobra.Command, flag string, words []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag was not added before
	}
}

func (a *app) offer(cmd *cobra.Command, offer names, there []string, begun string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	c, err := a.client(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	all, err := offer(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	taken := map[string]bool{}
	for _, name := range there {
		taken[name] = true
	}
	var out []string
	for _, name := range all {
		if strings.HasPrefix(name, begun) && !taken[name] {
			out = append(out, name)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func importNames(ctx context.Context, c *client.Client) ([]string, error) {
	list, err := c.Imports(ctx)
	var out []string
	for _, l := range list.Items {
		out = append(out, l.Import)
	}
	return out, err
}

func runNames(ctx context.Context, c *client.Client) ([]string, error) {
	list, err := c.Runs(ctx, client.RunsQuery{Size: completedRuns})
	var out []string
	for _, r := range list.Items {
		if r.Run != "" {
			out = append(out, r.Run)
		}
	}
	return out, err
}

// runOrImportNames are for a verb that takes either.
func runOrImportNames(ctx context.Context, c *client.Client) ([]string, error) {
	imports, err := importNames(ctx, c)
	if err != nil {
		return nil, err
	}
	runs, err := runNames(ctx, c)
	return append(imports, runs...), err
}

func resourceNames(kind resourceKind) names {
	return func(ctx context.Context, c *client.Client) ([]string, error) {
		list, err := c.Resources(ctx, kind.plural)
		var out []string
		for _, r := range list.Items {
			out = append(out, r.Metadata.Name)
		}
		return out, err
	}
}

// completeArguments completes the first argument of each verb that takes a name and does
// not complete it by itself, by what its usage calls the argument.
func (a *app) completeArguments(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		a.completeArguments(sub)
	}
	_, argument, ok := strings.Cut(cmd.Use, " ")
	if !ok || cmd.ValidArgsFunction != nil {
		return
	}
	offers := map[string]names{
		"IMPORT": importNames, "RUN": runNames, "IMPORT | DRYRUN": importNames, "IMPORT | -f FILE": importNames,
		"[CONNECTION] [PATTERN]": resourceNames(resourceKinds[0]),
	}
	if offer, ok := offers[argument]; ok {
		cmd.ValidArgsFunction = a.completeOne(offer)
	}
}

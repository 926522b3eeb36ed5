package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/libs/config"
)

func (a *app) editCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "edit import|connection|account|default NAME",
		Short: "Change a definition in your editor",
		Long: `Change a definition in your editor, which $VISUAL or $EDITOR names. What you save is
applied if nobody has changed the definition since. If it is refused, your text is
kept in a file, and the last line says where.`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			return a.completeKindAndName(cmd, args, begun)
		},
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			plural, err := pluralOf(args[0])
			if err != nil {
				return err
			}
			raw, etag, err := c.Document(ctx, plural, args[1])
			if err != nil {
				return err
			}
			before, err := definition.YAML(raw)
			if err != nil {
				return err
			}
			file, after, err := a.edited(ctx, before)
			if err != nil {
				return err
			}
			if bytes.Equal(before, after) {
				a.say("nothing was changed")
				return os.Remove(file)
			}
			if err := a.putEdited(ctx, c, plural, args[1], etag, definition.Source{Name: file, Data: after, ResolveFile: relativeTo(file)}); err != nil {
				kept := fmt.Errorf("%w\nnothing was applied; your text is in %s: mend it and run tapline apply -f %s", err, file, file)
				return exit(exitCode(ctx, err), kept)
			}
			a.say("%s %s is changed", args[0], args[1])
			return os.Remove(file)
		}),
	}
}

// completeKindAndName completes the two arguments of edit and delete.
func (a *app) completeKindAndName(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		kinds := []string{"import"}
		for _, k := range resourceKinds {
			kinds = append(kinds, k.singular)
		}
		return kinds, cobra.ShellCompDirectiveNoFileComp
	case 1:
		if args[0] == "import" {
			return a.offer(cmd, importNames, nil, begun)
		}
		for _, k := range resourceKinds {
			if args[0] == k.singular {
				return a.offer(cmd, resourceNames(k), nil, begun)
			}
		}
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// edited lets a person edit a text, and returns the file with what was saved.
func (a *app) edited(ctx context.Context, text []byte) (file string, saved []byte, err error) {
	visual, _ := config.LookupEnv("VISUAL")
	plain, _ := config.LookupEnv("EDITOR")
	editor := cmp.Or(visual, plain)
	if editor == "" {
		return "", nil, errors.New("no editor is named; set EDITOR, such as EDITOR=vi")
	}
	f, err := os.CreateTemp("", "tapline-*.yaml") // only its owner may read it
	if err != nil {
		return "", nil, fmt.Errorf("making a file to edit: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", nil, fmt.Errorf("writing %s: %w", f.Name(), err)
	}
	// The variable may hold arguments, as in EDITOR="code --wait".
	cmd := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", f.Name())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.io.In, a.io.Err, a.io.Err
	if out, ok := a.io.Out.(*os.File); ok {
		cmd.Stdout = out
	}
	if err := cmd.Run(); err != nil {
		return "", nil, fmt.Errorf("the editor %q failed, so nothing was applied; your text is in %s: %w", editor, f.Name(), err)
	}
	saved, err = os.ReadFile(f.Name())
	if err != nil {
		return "", nil, readError(err)
	}
	return f.Name(), saved, nil
}

// putEdited applies what was saved in place of the version with the etag.
func (a *app) putEdited(ctx context.Context, c *client.Client, plural, name, etag string, saved definition.Source) error {
	defaults, err := c.Resources(ctx, "defaults")
	if err != nil {
		return err
	}
	set, problems := definition.ParseAll([]definition.Source{saved}, definition.Options{Defaults: defaults.Items})
	if len(problems) > 0 {
		return refused(problems)
	}
	sent, err := documents(&set)
	switch {
	case err != nil:
		return err
	case len(sent) != 1 || sent[0].name != name:
		return exit(ExitRefused, fmt.Errorf("the text must hold one definition, and its name must stay %s", name))
	}
	err = c.PutDocument(ctx, plural, name, etag, sent[0].raw)
	return inFiles(err, &set, sent)
}

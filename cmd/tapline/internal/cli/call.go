package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// refuseUnknownVerbs makes a mistyped verb of a group, such as `get imprts`, an
// error that names the nearest ones: by itself cobra prints help and exits 0.
func refuseUnknownVerbs(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		refuseUnknownVerbs(sub)
	}
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = cobra.ArbitraryArgs // else cobra refuses an argument of the root in its own words
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 && !cmd.HasParent():
			return cmd.Help()
		case len(args) == 0:
			return errors.Join(cmd.Help(), exit(ExitFailed, nil))
		}
		text := fmt.Sprintf("%s has no %q", cmd.CommandPath(), args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("%s; did you mean %s?", text, strings.Join(near, " or "))
		}
		return fmt.Errorf("%s; %s --help lists what it has", text, cmd.CommandPath())
	}
}

// sayHowToCall makes a wrong number of arguments and an unknown flag errors whose last line
// says how the verb is called: cobra's say only what they are not.
func sayHowToCall(root *cobra.Command) {
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; %s --help lists the flags", err, cmd.CommandPath())
	})
	eachVerb(root, func(cmd *cobra.Command) {
		check := cmd.Args
		if check == nil || cmd.HasSubCommands() {
			return
		}
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if check(cmd, args) == nil {
				return nil
			}
			usage := strings.TrimSuffix(cmd.UseLine(), " [flags]")
			if usage == cmd.CommandPath() {
				return fmt.Errorf("%s takes no argument, and %q is one; %s --help lists its flags", usage, args[0], usage)
			}
			given := fmt.Sprintf("%d arguments were given", len(args))
			switch len(args) {
			case 0:
				given = "no argument was given"
			case 1:
				given = "one argument was given"
			}
			return fmt.Errorf("%s, and it is called %s; %s --help has examples", given, usage, cmd.CommandPath())
		}
	})
}

func eachVerb(cmd *cobra.Command, do func(*cobra.Command)) {
	for _, sub := range cmd.Commands() {
		eachVerb(sub, do)
	}
	do(cmd)
}

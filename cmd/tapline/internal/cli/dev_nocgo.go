//go:build !cgo

package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

// devCommands says why the commands that hold the whole pipeline are not here.
func (a *app) devCommands() []*cobra.Command {
	var out []*cobra.Command
	for _, use := range []string{"dev", "demo"} {
		out = append(out, &cobra.Command{
			Use:                use,
			Short:              "Not in this build: it needs cgo",
			DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return errors.New("tapline " + use + " holds the sandbox's DuckDB, which needs cgo: build it with CGO_ENABLED=1 and a C compiler (make tapline)")
			},
		})
	}
	return out
}

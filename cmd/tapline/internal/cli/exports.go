package cli

import (
	"errors"
	"os"

	"golang.org/x/term"
)

// exports refuses to write an export to a terminal. Its values are written exactly, and
// those of a row could move the terminal's cursor or do worse.
func (a *app) exports(format string) error {
	if file, ok := a.io.Out.(*os.File); format != "" && ok && term.IsTerminal(int(file.Fd())) {
		return errors.New("--export writes values exactly, with whatever characters rows hold, and not to a terminal: add > FILE, or send it to another program")
	}
	return nil
}

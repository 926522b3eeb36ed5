package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"tapline.dev/cmd/tapline/internal/client"
)

// yesFlag adds --yes to a command that may ask.
func yesFlag(cmd interface {
	BoolVar(*bool, string, bool, string)
}, yes *bool) {
	cmd.BoolVar(yes, "yes", false, "agree without being asked: to send to a production account, or to store events a second time")
}

// questions bounds how often one command asks: the figures may rise while somebody
// reads them.
const questions = 3

// agree calls do. If the server then asks for a person's agreement, the person is
// shown what would happen and asked, unless --yes was given, and do is called
// again. refused is the text of the error if the person does not agree.
func (a *app) agree(yes bool, refused string, do func(client.Agreement) error) error {
	err := do(client.Agreement{})
	for range questions {
		p, ok := errors.AsType[*client.Problem](err)
		if !ok || p.Confirmation == nil {
			return err
		}
		for _, sentence := range p.Confirmation.Sentences {
			a.say("%s", sentence)
		}
		if !yes && !a.confirmed("continue nevertheless? [yes/no] ") {
			return fmt.Errorf("%s; --yes continues without asking", refused)
		}
		err = do(p.Confirmation.Agreement)
	}
	return err
}

// confirmed asks a person. No answer is no, and so is everything that comes from a
// file or a pipe: what was written before the question cannot be an answer to it.
func (a *app) confirmed(question string) bool {
	if file, ok := a.io.In.(*os.File); a.io.In == nil || ok && !term.IsTerminal(int(file.Fd())) {
		return false
	}
	// Nothing is left to ask if standard error is closed.
	_, _ = fmt.Fprint(a.io.Err, printableLines(question))
	line, err := bufio.NewReader(a.io.In).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return (err == nil || line != "") && (answer == "yes" || answer == "y")
}

// Package cli holds the commands of tapline. Data goes to standard output,
// messages and progress to standard error, and every failure is a sentence that
// says what to do.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/user"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

// Exit codes.
const (
	ExitDone        = 0
	ExitFailed      = 1   // an error, or the run failed or was cancelled
	ExitChanges     = 2   // plan and diff: there are changes
	ExitRejects     = 3   // some rows were rejected
	ExitRefused     = 4   // a definition was refused
	ExitUnknown     = 5   // Import Center could not be asked, or did not answer
	ExitHeld        = 6   // the run waits for a person
	ExitInterrupted = 130 // by a signal
)

// serverEnv names the server where --server does not.
const serverEnv = "TAPLINE_SERVER"

const defaultServer = "http://127.0.0.1:19000"

// IO is what the commands read and write.
type IO struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// coded is an error with an exit code of its own. Its text is printed unless
// empty.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string {
	if c.err == nil {
		return ""
	}
	return c.err.Error()
}

func (c *coded) Unwrap() error { return c.err }

func exit(code int, err error) error { return &coded{code, err} }

// app is what the commands share.
type app struct {
	io     IO
	server string
	token  string
	output string
	// chosen is the context that tapline config use has chosen; chosenErr is why that
	// cannot be said.
	chosen    serverContext
	chosenErr error
}

// Main runs a command and returns the exit code.
func Main(ctx context.Context, args []string, streams IO) int {
	root := newRoot(streams)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitDone
	}
	code := exitCode(ctx, err)
	if text := err.Error(); text != "" && code != ExitInterrupted {
		// Nothing is left to tell if standard error is closed.
		_, _ = fmt.Fprintf(streams.Err, "%s\n", printableLines(text))
	}
	return code
}

func exitCode(ctx context.Context, err error) int {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return ExitInterrupted
	}
	if c, ok := errors.AsType[*coded](err); ok {
		return c.code
	}
	if _, ok := errors.AsType[*client.Unanswered](err); ok {
		return ExitUnknown
	}
	if p, ok := errors.AsType[*client.Problem](err); ok {
		switch {
		case p.Code == "definition_refused":
			return ExitRefused
		case p.Status == http.StatusGatewayTimeout:
			return ExitUnknown
		}
	}
	return ExitFailed
}

func newRoot(streams IO) *cobra.Command {
	a := &app{io: streams}
	root := &cobra.Command{
		Use:   "tapline",
		Short: "Import profiles and events from Snowflake into CleverTap",
		Long: `tapline applies imports, runs them and shows what became of each row.

Exit codes: 0 done; 1 an error, or the run failed or was cancelled; 2 there are
changes (plan, diff, topics plan); 3 some rows were rejected (run, map, dryrun), or
there are only warnings (doctor); 4 a definition was refused (validate, plan, apply,
edit, map, preview); 5 Import Center could not be asked or did not answer, so it is
not known whether it did what was asked; 6 the run waits for a person (run --wait);
130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	server := a.usualServer()
	root.PersistentFlags().StringVar(&a.server, "server", server, "Import Center's URL (or "+serverEnv+")")
	root.PersistentFlags().StringVar(&a.token, "token", "", "a key or token to sign in with (better "+tokenEnv+" or "+tokenFileEnv+": others see a process's flags)")
	root.AddCommand(a.planCommand("plan", "Show what an apply would change"), a.planCommand("diff", "Show what an apply would change (as plan)"), a.historyCommand(), a.unmanageCommand(),
		a.applyCommand(), a.validateCommand(), a.getCommand(), a.runCommand(), a.cancelCommand(), a.freezeCommand(), a.unfreezeCommand(), a.suppressCommand(),
		a.stateCommand("pause", "Start no run of an import until it is resumed"),
		a.stateCommand("stop", "Stop an import until it is resumed; waiting runs are cancelled"),
		a.stateCommand("resume", "Resume a paused or stopped import, also one whose schedules are over"),
		a.backfillCommand(), a.resendCommand(), a.replayCommand(), a.cloneCommand(),
		a.resetCommand(), a.decisionCommand("approve", "Let a held run continue"), a.decisionCommand("decline", "End a held run; its import keeps the watermark"),
		a.describeCommand(), a.editCommand(), a.deleteCommand(), a.logsCommand(), a.whyCommand(), a.whyLateCommand(), a.notifyCommand(), a.verifyCommand(), a.reconcileCommand(), a.scheduleCommand(), a.rejectsCommand(), a.approvalsCommand(), a.secretsCommand(),
		a.mapCommand(), a.previewCommand(), a.connectionCommand(), a.accountCommand(), a.initCommand(), a.doctorCommand(), a.supportCommand(), a.tablesCommand(), a.dryRunCommand(), a.topicsCommand(), a.rebuildCommand(), a.versionCommand(),
		a.keysCommand(), a.accessCommand(), a.auditCommand(), a.loginCommand(), a.logoutCommand(), a.configCommand())
	root.AddCommand(a.devCommands()...)
	root.SetUsageTemplate(usageTemplate)
	a.completeArguments(root)
	refuseUnknownVerbs(root)
	sayHowToCall(root)
	addExamples(root)
	return root
}

func (a *app) client(ctx context.Context) (*client.Client, error) {
	if a.chosenErr != nil && a.server == defaultServer {
		return nil, a.chosenErr // a server that somebody else has chosen is not guessed
	}
	c, err := client.New(a.server, actor())
	if err != nil {
		return nil, err
	}
	c = c.WithNotice(func(text string) { a.say("note: %s", text) })
	token, err := a.credential(ctx)
	if err != nil {
		return nil, err
	}
	return c.WithToken(token), nil
}

// actor is who the audit topic names where nobody signs in. It proves nothing.
func actor() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// outputFlag adds -o to a command.
func (a *app) outputFlag(cmd *cobra.Command) {
	a.oneOf(cmd, "table", "json")
}

// oneOf adds -o with the forms that a command has, the first by default.
func (a *app) oneOf(cmd *cobra.Command, forms ...string) {
	last := len(forms) - 1
	list := strings.Join(forms[:last], ", ") + " or " + forms[last]
	// Each verb has a default of its own, so the shared field is set when one runs.
	output := cmd.Flags().StringP("output", "o", forms[0], list)
	completeWords(cmd, "output", forms)
	checkFirst(cmd, func([]string) error {
		a.output = *output
		if !slices.Contains(forms, a.output) {
			return fmt.Errorf("-o is %s, not %q", list, a.output)
		}
		return nil
	})
}

// say writes a message for people.
func (a *app) say(format string, args ...any) {
	// Nothing is left to tell if standard error is closed.
	_, _ = fmt.Fprintln(a.io.Err, printableLines(fmt.Sprintf(format, args...)))
}

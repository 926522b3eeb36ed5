package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

type verifyFlags struct {
	rows       int
	all        bool
	identities string
	repair     bool
	yes        bool
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify IMPORT | VERIFICATION", Short: "Compare an import with what CleverTap holds; only --repair sends", Args: cobra.ExactArgs(1),
		Long: `Compare an import with what CleverTap holds: take rows at random, map them with the
mapping of now, have a loader look each person up, and compare property by property.
CleverTap lets an account look up three people at once, so that a thousand take a
minute or so.

--all looks at everybody in a table of at most 10,000 rows, --identities at the people
in a file, one on each line; a dash reads standard input. --repair then sends exactly
those who differ or are missing: Snowflake is read again by their identities. With the
name of a verification, such as customers.d3, that one is shown or repaired, within an
hour. Of events CleverTap tells only names and counts, so that they cannot be repaired.

Exit codes: 0 everybody who could be compared is equal, or was repaired; 1 it failed;
3 somebody differs.`,
	}
	cmd.Flags().IntVar(&f.rows, "rows", 1000, fmt.Sprintf("size of the sample in rows, at most %d", schemas.MaxDryRunRows))
	cmd.Flags().BoolVar(&f.all, "all", false, "look at everybody, in a small table")
	cmd.Flags().StringVar(&f.identities, "identities", "", "a file with identities, one on each line; a dash is standard input")
	cmd.Flags().BoolVar(&f.repair, "repair", false, "send those who differ or are missing")
	yesFlag(cmd.Flags(), &f.yes)
	a.oneOf(cmd, "table", "json", "rows")
	checkFirst(cmd, func(args []string) error {
		if f.all && f.identities != "" || schemas.IsDryRun(args[0]) && (f.all || f.identities != "") {
			return errors.New("--all, --identities and the name of a verification exclude each other")
		}
		if f.all {
			f.rows = schemas.MaxDryRunRows
		}
		return nil
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		return a.verify(ctx, c, args[0], f)
	})
	return cmd
}

func (a *app) verify(ctx context.Context, c *client.Client, name string, f verifyFlags) error {
	if !schemas.IsDryRun(name) {
		q := client.VerifyQuery{Rows: f.rows}
		if f.identities != "" {
			var err error
			if q.Identities, err = a.listOfPeople(f.identities); err != nil {
				return err
			}
			q.Rows = 0
		}
		run, err := c.StartVerification(ctx, name, uuid.NewString(), q)
		if err != nil {
			return err
		}
		name = run.Run
	}
	if _, err := a.await(ctx, c, name); err != nil {
		return err
	}
	v, text, err := c.Verification(ctx, name)
	if err != nil {
		return err
	}
	if v.Run.State == schemas.StateFailed || v.Run.State == schemas.StateCancelled {
		return outcome(v.Run)
	}
	if !v.Done {
		return fmt.Errorf("what %s has shown is kept for an hour and is gone; verify again", name)
	}
	if err := a.showVerification(v, text, f.all); err != nil {
		return err
	}
	wrong := v.People.Differs + v.People.Missing
	if wrong == 0 {
		return nil
	}
	if !f.repair {
		return exit(ExitRejects, fmt.Errorf("%d of %d differ or are missing; tapline verify %s --repair sends them", wrong, v.People.Compared, name))
	}
	return a.repair(ctx, c, name, f.yes)
}

// repair sends those whom a verification has found.
func (a *app) repair(ctx context.Context, c *client.Client, name string, yes bool) error {
	var run schemas.Run
	key := uuid.NewString()
	err := a.agree(yes, "nothing was sent", func(agreed client.Agreement) (err error) {
		run, err = c.Repair(ctx, name, key, agreed)
		return err
	})
	if err != nil {
		return err
	}
	a.say("sending them as %s", run.Run)
	if run, err = a.await(ctx, c, run.Run); err != nil {
		return err
	}
	return outcome(run)
}

// listOfPeople reads identities, one on each line, without blank lines.
func (a *app) listOfPeople(file string) ([]string, error) {
	in := a.io.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("reading identities: %w", err)
		}
		defer func() { _ = f.Close() }() // it was read
		in = f
	}
	take := lines(bufio.NewReader(in))
	var out []string
	for {
		line, err := take()
		switch {
		case errors.Is(err, io.EOF) && len(out) == 0:
			return nil, errors.New("--identities: there is no identity in it")
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		}
		if line = strings.Trim(line, " \t\r"); line != "" {
			out = append(out, line)
		}
	}
}

func (a *app) showVerification(v client.Verification, text json.RawMessage, all bool) error {
	switch a.output {
	case "json":
		return a.printJSON(text)
	case "rows":
		for _, row := range v.Rows {
			line, err := json.Marshal(row)
			if err == nil {
				_, err = fmt.Fprintf(a.io.Out, "%s\n", line)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	var rows [][]string
	for _, p := range v.Properties {
		rows = append(rows, []string{p.Property, number(p.Equal), number(p.Differs), number(p.NotComparable), orDash(p.Reason)})
	}
	if len(rows) > 0 {
		if err := printTable(a.io.Out, []string{"PROPERTY", "EQUAL", "DIFFERS", "NOT COMPARABLE", "BECAUSE"}, rows); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(a.io.Out, verificationText(v, all))
	return err
}

// shownPeople bounds how many people the table names; -o rows has all of them.
const shownPeople = 20

func verificationText(v client.Verification, all bool) string {
	var b strings.Builder
	p := v.People
	what := "people"
	if v.Type == schemas.TypeEvent {
		what = "people and events"
		b.WriteString("\nCleverTap's API tells of a person's events the names and counts, and no properties\n")
	}
	for i, r := range v.Rows {
		if i == shownPeople {
			fmt.Fprintf(&b, "and %d more; -o rows shows all\n", len(v.Rows)-shownPeople)
			break
		}
		fmt.Fprintf(&b, "%s  %s\n", printable(r.Identity), verifiedText(r))
	}
	fmt.Fprintf(&b, "\n%s: %s %s compared: %s equal, %s differ, %s missing at CleverTap\n", v.Run.Run, number(p.Compared), what, number(p.Equal), number(p.Differs), number(p.Missing))
	for _, n := range []struct {
		count int64
		text  string
	}{
		{p.NotComparable, "cannot be compared"}, {p.Unknown, "unknown: CleverTap did not say what it holds"}, {p.Older, "rows left out that are not the newest of their identity"},
		{p.Rejected, "rows that the mapping rejects or leaves for a later run"}, {p.Suppressed, "rows of suppressed people, who are not looked up"},
		{p.NotInSource, "of the identities named are not in Snowflake"},
	} {
		if n.count > 0 {
			fmt.Fprintf(&b, "%s %s\n", number(n.count), n.text)
		}
	}
	if i := v.Interval; i != nil {
		switch {
		case v.Whole:
			fmt.Fprintf(&b, "these are all %s rows of the query\n", number(v.Population))
		default:
			fmt.Fprintf(&b, "of everybody, between %s and %s differ or are missing, with a confidence of 95 %% (Wilson)\n", percentage(i.Low), percentage(i.High))
		}
	}
	if all && !v.Whole {
		fmt.Fprintf(&b, "the query gives %s rows, more than --all looks at: this is a sample\n", number(v.Population))
	}
	return b.String()
}

func percentage(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

func verifiedText(r client.Verified) string {
	text := r.Result
	if r.Reason != "" {
		text += " (" + printable(r.Reason) + ")"
	}
	for _, v := range r.Values {
		theirs := string(v.Theirs)
		if theirs == "" {
			theirs = "nothing"
		}
		text += fmt.Sprintf("\n    %s: %s here, %s at CleverTap", printable(v.Property), printable(string(v.Ours)), printable(theirs))
		if v.Sent != nil {
			text += ", last sent " + moment(v.Sent)
		}
		if v.Reason != "" {
			text += ", not comparable (" + printable(v.Reason) + ")"
		}
	}
	if r.Waits {
		text += "\n    the row has changed since the newest run began: the next one sends it"
	}
	return text
}

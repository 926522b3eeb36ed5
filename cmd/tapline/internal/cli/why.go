package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
)

func (a *app) whyCommand() *cobra.Command {
	var q client.WhyQuestion
	cmd := &cobra.Command{
		Use: "why IMPORT IDENTITY", Short: "Tell what became of a person's rows, run by run", Args: cobra.ExactArgs(2),
		ValidArgsFunction: a.completeOne(importNames),
		Long: `Tell what became of a person's rows, in the order of time: each run that read one,
what each line of the mapping made of it, which uploads held the record, and what
CleverTap answered, or why nothing was sent. IDENTITY is as CleverTap gets it; a
dash reads it from standard input, so that it stays out of the shell's history.

The topics tell as far back as they are kept, and nothing of rows that had not
changed or lay in the future: the runs that read such rows are named. --snowflake
reads the person's rows there once and tells from them.`,
	}
	a.oneOf(cmd, "text", "json")
	cmd.Flags().BoolVar(&q.Snowflake, "snowflake", false, "read the person's rows in Snowflake, by one statement, and tell from them of unchanged and future rows")
	cmd.Flags().BoolVar(&q.CleverTap, "clevertap", false, "add what CleverTap holds of the person now; a loader looks it up")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		q.Identity = args[1]
		if q.Identity == "-" {
			in := bufio.NewScanner(a.io.In)
			if !in.Scan() {
				return errors.Join(errors.New("standard input has no line with the identity"), in.Err())
			}
			q.Identity = in.Text()
		}
		answer, text, err := c.Why(ctx, args[0], q)
		if err != nil {
			return err
		}
		if a.output == "json" {
			return a.printJSON(text)
		}
		_, err = fmt.Fprint(a.io.Out, printableLines(whyText(answer)))
		return err
	})
	return cmd
}

// whyText formats an answer for people. Rows and what CleverTap has said are other people's
// texts: a terminal shows them and obeys none.
func whyText(w client.Why) string {
	var b strings.Builder
	for _, r := range w.Rows {
		fmt.Fprintf(&b, "%s  run %s, attempt %d: %s\n", moment(&r.Time), r.Run, r.Attempt, printable(whyResult(r)))
		if len(r.Row) > 0 {
			fmt.Fprintf(&b, "  row      %s\n", printable(string(r.Row)))
		}
		for _, l := range r.Lines {
			fmt.Fprintf(&b, "  %s\n", printable(whyLine(l)))
		}
		if len(r.Record) > 0 {
			fmt.Fprintf(&b, "  record   %s\n", printable(string(r.Record)))
		}
		for _, u := range r.Uploads {
			fmt.Fprintf(&b, "  upload   %s\n", printable(whyUpload(u)))
		}
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "  note     %s\n", printable(n))
		}
	}
	if len(w.Rows) == 0 {
		b.WriteString("The topics hold no row of this person.\n")
	}
	if !w.Complete {
		b.WriteString("This is not complete: the topics hold more than one request reads. The newest rows are shown.\n")
	}
	for _, o := range w.Others {
		counts := countsByName(map[string]int64{"unchanged": o.Unchanged, "future": o.Future, "still rejected": o.StillRejected, "suppressed": o.Suppressed})
		fmt.Fprintf(&b, "%s  run %s read rows for which the topics hold no identity: %s\n", moment(&o.StartedAt), o.Run, counts)
	}
	if held := w.Snowflake; held != nil {
		b.WriteString(whyHeld(*held))
	}
	if p := w.CleverTap; p != nil {
		fmt.Fprintf(&b, "CleverTap's account %s now: %s\n", p.Account, whyPerson(*p))
	}
	for _, topic := range []string{"reports", "rows", "records", "rejects"} {
		if since, ok := w.Reach[topic]; ok {
			fmt.Fprintf(&b, "the topic %s was read from %s on\n", topic, since.UTC().Format(time.RFC3339))
		}
	}
	return b.String()
}

// whyHeld formats what Snowflake has of the person.
func whyHeld(held client.WhyHeld) string {
	var b strings.Builder
	if held.Outcome != "read" {
		fmt.Fprintf(&b, "Snowflake was not read: %s (%s)\n", strings.TrimSpace(held.Outcome+" "+held.Code), held.Reason)
		return b.String()
	}
	if len(held.Rows) == 0 {
		b.WriteString("Snowflake has no row of this person.\n")
	}
	if held.More {
		fmt.Fprintf(&b, "Snowflake has more rows of this person than the newest %d, which are shown.\n", len(held.Rows))
	}
	for _, r := range held.Rows {
		fmt.Fprintf(&b, "Snowflake now: %s\n", r.Row)
		for _, in := range r.Runs {
			fmt.Fprintf(&b, "  run %s: %s (%s)\n", in.Run, in.Result, in.Reason)
		}
		if r.Note != "" {
			fmt.Fprintf(&b, "  note     %s\n", r.Note)
		}
	}
	return b.String()
}

func whyPerson(p client.WhyPerson) string {
	if p.Reason != "" {
		return p.Outcome + " (" + printable(p.Reason) + ")"
	}
	return strings.TrimSuffix(p.Outcome+"\n  profile  "+printable(string(p.Profile)), "\n  profile  ")
}

func whyResult(r client.WhyRow) string {
	text := r.Result
	if r.Stage != "" {
		text += " in the stage " + r.Stage
	}
	if r.Code != "" {
		text += ": " + r.Code
	}
	if r.Column != "" {
		text += " of " + r.Column
	}
	if r.Reason != "" {
		text += " (" + r.Reason + ")"
	}
	return text
}

func whyLine(l client.WhyLine) string {
	from := l.Column
	if from == "" {
		from = "the definition"
	}
	before, after := string(l.Before), string(l.After)
	if before == "" {
		before = "NULL"
	}
	if after == "" {
		after = "nothing"
	}
	text := fmt.Sprintf("mapping  %s: %s of %s became %s (%s", l.Property, before, from, after, l.Result)
	if l.Code != "" {
		text += ", " + l.Code + ": " + l.Reason
	}
	return text + ")"
}

func whyUpload(u client.WhyUpload) string {
	text := fmt.Sprintf("%s, record %d of %d", u.Upload, u.Place, u.Records)
	if !u.Sent.IsZero() {
		text += fmt.Sprintf(", try %d, sent %s", u.Try, u.Sent.UTC().Format(time.RFC3339Nano))
	}
	if u.Answered != nil {
		text += fmt.Sprintf(", HTTP %d after %d ms", u.Status, u.Millis)
	}
	return text + ": " + u.Answer
}

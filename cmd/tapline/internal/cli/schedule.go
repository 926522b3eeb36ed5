package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/libs/config"
)

func (a *app) scheduleCommand() *cobra.Command {
	var files []string
	var q client.ScheduleQuery
	var past bool
	cmd := &cobra.Command{
		Use:   "schedule [IMPORT]",
		Short: "Show when an import is due, and what became of its past due instants",
		Long: `Show when an import is due, in its own time zone and in yours (--zone, or TZ), with
the changes of the clocks marked. With -f the definition need not be applied.

--past shows what became of the newest past due instants: the run that stands for
each, and how late it began, or the reason why no run does.`,
		Args: cobra.MaximumNArgs(1),
	}
	a.outputFlag(cmd)
	filesFlag(cmd, &files)
	cmd.Flags().IntVar(&q.Next, "next", 10, "how many of the next due instants, 0 to 1000")
	cmd.Flags().BoolVar(&past, "past", false, "past due instants in place of the next ones; --next says how many")
	cmd.Flags().StringVar(&q.Zone, "zone", viewerZone(), "your time zone")
	checkFirst(cmd, func(args []string) error {
		switch {
		case len(args) == 0 && len(files) == 0:
			return errors.New("name an import, or a file with -f")
		case len(args) == 1 && len(files) > 0:
			return errors.New("name an import or a file, not both")
		case past && len(files) > 0:
			return errors.New("what is not applied has no past; leave --past out")
		case q.Next < 0 || q.Next > 1000:
			return fmt.Errorf("--next is 0 to 1000, not %d", q.Next)
		}
		return nil
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		if past {
			q.Past, q.Next = q.Next, 0
		}
		if len(args) == 1 {
			s, err := c.Schedule(ctx, args[0], q)
			return a.printFetched(s, err, func() error { return a.showSchedule(s, past) })
		}
		_, sent, err := a.previewed(files)
		if err != nil {
			return err
		}
		for _, d := range sent {
			if d.kind != "Import" {
				continue
			}
			s, err := c.ScheduleOf(ctx, d.raw, q)
			if err := a.printFetched(s, err, func() error { return a.showSchedule(s, false) }); err != nil {
				return err
			}
		}
		return nil
	})
	return cmd
}

// viewerZone is the zone of whoever looks: TZ, or else this machine's.
func viewerZone() string {
	zone, _ := config.LookupEnv("TZ")
	for _, name := range []string{zone, time.Local.String()} {
		if _, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
			return name
		}
	}
	return "UTC"
}

func (a *app) showSchedule(s client.Schedule, past bool) error {
	a.say("%s: %s", s.Import, s.Sentence)
	if s.Note != "" {
		a.say("note: %s", s.Note)
	}
	if past {
		var rows [][]string
		for _, r := range s.Past {
			late := "-"
			if r.LateSeconds > 0 {
				late = (time.Duration(r.LateSeconds*1000) * time.Millisecond).Round(time.Second).String()
			}
			rows = append(rows, []string{r.Local, r.Outcome, orDash(r.Run), orDash(r.State), late, orDash(r.Reason)})
		}
		return printTable(a.io.Out, []string{"DUE (" + s.Zone + ")", "OUTCOME", "RUN", "STATE", "LATE", "REASON"}, rows)
	}
	var rows [][]string
	for _, d := range s.Next {
		by := "schedule"
		if d.Planned {
			by = "a person"
		}
		rows = append(rows, []string{d.Local, d.Viewer, by, orDash(d.Clocks)})
	}
	return printTable(a.io.Out, []string{"DUE (" + s.Zone + ")", "YOURS (" + s.Viewer + ")", "BY", "CLOCKS"}, rows)
}

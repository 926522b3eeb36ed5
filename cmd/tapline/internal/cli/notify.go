package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

func (a *app) notifyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "notify", Short: "Test notifications, and mute what is known"}
	cmd.AddCommand(a.notifyTest(), a.notifyAcknowledge(), a.notifyUnacknowledge())
	return cmd
}

func (a *app) notifyTest() *cobra.Command {
	cmd := &cobra.Command{
		Use: "test NAME", Short: "Send a test message by a notification's channel, once", Args: cobra.ExactArgs(1),
		Long: `Have Import Center send a test message by the channel of a notification, once.

Exit code 1 if the channel has not taken it.`,
		ValidArgsFunction: a.completeOne(resourceNames(notificationKind())),
	}
	a.oneOf(cmd, "text", "json")
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		got, err := c.TestNotification(ctx, args[0])
		if err := a.printFetched(got, err, func() error {
			if got.Delivered {
				a.say("delivered as %s after %d ms", got.ID, got.Millis)
			}
			return nil
		}); err != nil {
			return err
		}
		if !got.Delivered {
			return exit(ExitFailed, fmt.Errorf("not delivered: %s", got.Reason))
		}
		return nil
	})
	return cmd
}

// notificationKind is the kind of notifications as verbs name it.
func notificationKind() resourceKind {
	return resourceKinds[len(resourceKinds)-1]
}

func (a *app) notifyAcknowledge() *cobra.Command {
	var until, reason string
	cmd := &cobra.Command{
		Use: "acknowledge IMPORT", Short: "Mute what is known of an import, until an instant or a success", Args: cobra.ExactArgs(1),
		Long: `Mute the notifications of what is known of an import, until an instant (90 days ahead
at most) or until a run of it has succeeded, whichever comes first. A recovery is
told. tapline get imports shows who has acknowledged it, until when.`,
		ValidArgsFunction: a.completeOne(importNames),
	}
	cmd.Flags().StringVar(&until, "until", "", "an instant such as 2026-12-01T09:00:00Z, or how long from now, such as 12h")
	cmd.Flags().StringVar(&reason, "reason", "", "why; shown in the listing")
	a.oneOf(cmd, "text", "json")
	var at time.Time
	checkFirst(cmd, func([]string) (err error) {
		at, err = ahead(until, time.Now())
		return err
	})
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		ack, err := c.Acknowledge(ctx, args[0], at, reason)
		return a.printFetched(ack, err, func() error {
			a.say("%s is muted until %s, or until a run of it has succeeded", args[0], moment(&ack.Until))
			return nil
		})
	})
	return cmd
}

// ahead reads an instant, or a duration from now on.
func ahead(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, errors.New("say until when: --until 12h, or --until 2026-12-01T09:00:00Z")
	}
	if d, err := schemas.ParseDuration(text); err == nil {
		return now.Add(d.Std()), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("--until is an instant such as 2026-12-01T09:00:00Z, or how long from now, such as 12h")
	}
	return at, nil
}

func (a *app) notifyUnacknowledge() *cobra.Command {
	return &cobra.Command{
		Use: "unacknowledge IMPORT", Short: "Take an acknowledgement back: people are told again", Args: cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOne(importNames),
		RunE: a.online(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.Unacknowledge(ctx, args[0]); err != nil {
				return err
			}
			a.say("%s is no longer muted", args[0])
			return nil
		}),
	}
}

package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/redis"
)

func (a *app) rebuildCommand() *cobra.Command {
	var file string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Restore what Redis shows of imports and runs from the log",
		Long: `Delete what Redis shows of imports and runs, and have the schedulers write it
anew from Kafka; the command returns once all of it is there. Schedulers also do
this by themselves when Redis was emptied. Meanwhile runs continue, and lists are
incomplete. The ledgers and the leases of slots are left as they are.`,
		Args: cobra.NoArgs,
	}
	configFlag(cmd, &file)
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait for the schedulers")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		s, err := readSettings(file)
		if err != nil {
			return err
		}
		client, err := redis.Open(s.Redis, redis.Deps{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, client.Close()) }()
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		defer cancel()
		if err := projection.Rebuild(ctx, client); err != nil {
			return withDevHint(err)
		}
		a.say("imports and runs are restored from the log")
		return nil
	}
	return cmd
}

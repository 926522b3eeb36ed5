// The sandbox program stands in for Snowflake and for CleverTap; see the package
// tapline.dev/sandbox.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	_ "time/tzdata" // zones of sessions, on images without a zone database

	"golang.org/x/sync/errgroup"

	"tapline.dev/libs/daemon"
	"tapline.dev/sandbox"
)

func main() {
	os.Exit(daemon.Main(daemon.Program[settings]{
		Name:      "sandbox",
		AdminAddr: "127.0.0.1:19015",
		Config:    defaultSettings(),
		Wire: func(_ context.Context, cfg settings, env daemon.Env) (daemon.Run, error) {
			if err := cfg.resolve(); err != nil {
				return nil, err
			}
			snowflake, err := sandbox.NewSnowflake(cfg.Snowflake, env.Log.With(slog.String("part", "snowflake")))
			if err != nil {
				return nil, err
			}
			clevertap := sandbox.NewCleverTap(cfg.CleverTap, env.Log.With(slog.String("part", "clevertap")))
			filled := env.Health.Gate("demo tables")
			return func(ctx context.Context) error {
				if err := cfg.Demo.make(ctx, snowflake); err != nil {
					return errors.Join(err, snowflake.Close())
				}
				filled(nil)
				group, ctx := errgroup.WithContext(ctx)
				group.Go(func() error { return snowflake.Run(ctx) })
				group.Go(func() error { return clevertap.Run(ctx) })
				return group.Wait()
			}, nil
		},
	}))
}

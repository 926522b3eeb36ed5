// The loader program sends records to CleverTap; see the package
// tapline.dev/services/loader.
package main

import (
	"context"
	"errors"
	"os"

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/services/loader"
)

func main() {
	os.Exit(daemon.Main(daemon.Program[loader.Config]{
		Name:      "loader",
		AdminAddr: "127.0.0.1:19013",
		Config:    loader.DefaultConfig(),
		Wire: func(_ context.Context, cfg loader.Config, env daemon.Env) (daemon.Run, error) {
			service, err := loader.New(cfg, loader.Deps{Telemetry: env.Telemetry, Health: env.Health})
			if err != nil {
				return nil, err
			}
			return service.Run, nil
		},
		Connect: func(ctx context.Context, cfg loader.Config, env daemon.Env) error {
			err := kafka.Reachable(ctx, cfg.Kafka, kafka.Deps{Log: env.Log})
			if cfg.UseRedis {
				err = errors.Join(err, redis.Reachable(ctx, cfg.Redis))
			}
			return err
		},
	}))
}

// Command importcenter serves the API over definitions, runs and rejects.
package main

import (
	"context"
	"errors"
	"os"
	_ "time/tzdata" // zones of definitions, wherever the program runs

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/services/importcenter"
)

func main() {
	os.Exit(daemon.Main(daemon.Program[importcenter.Config]{
		Name:      "importcenter",
		AdminAddr: "127.0.0.1:19014",
		Config:    importcenter.DefaultConfig(),
		Wire: func(_ context.Context, cfg importcenter.Config, env daemon.Env) (daemon.Run, error) {
			service, err := importcenter.New(cfg, importcenter.Deps{
				Telemetry: env.Telemetry, Health: env.Health,
			})
			if err != nil {
				return nil, err
			}
			return service.Run, nil
		},
		Connect: func(ctx context.Context, cfg importcenter.Config, env daemon.Env) error {
			return errors.Join(kafka.Reachable(ctx, cfg.Kafka, kafka.Deps{Log: env.Log}), redis.Reachable(ctx, cfg.Redis))
		},
	}))
}

// The scheduler program decides when imports run and when runs are over; see the
// package tapline.dev/services/scheduler.
package main

import (
	"context"
	"errors"
	"os"
	_ "time/tzdata" // zones of schedules, on images without a zone database

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/services/scheduler"
)

func main() {
	os.Exit(daemon.Main(daemon.Program[scheduler.Config]{
		Name:      "scheduler",
		AdminAddr: "127.0.0.1:19010",
		Config:    scheduler.DefaultConfig(),
		Wire: func(_ context.Context, cfg scheduler.Config, env daemon.Env) (daemon.Run, error) {
			service, err := scheduler.New(cfg, scheduler.Deps{Telemetry: env.Telemetry, Health: env.Health})
			if err != nil {
				return nil, err
			}
			return service.Run, nil
		},
		Connect: func(ctx context.Context, cfg scheduler.Config, env daemon.Env) error {
			return errors.Join(kafka.Reachable(ctx, cfg.Kafka, kafka.Deps{Log: env.Log}), redis.Reachable(ctx, cfg.Redis))
		},
	}))
}

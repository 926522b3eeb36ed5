// The extractor program streams query results from Snowflake into Kafka; see
// the package tapline.dev/services/extractor.
package main

import (
	"context"
	"errors"
	"os"
	_ "time/tzdata" // zones of cursors, on images without a zone database

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/services/extractor"
)

func main() {
	os.Exit(daemon.Main(daemon.Program[extractor.Config]{
		Name:      "extractor",
		AdminAddr: "127.0.0.1:19011",
		Config:    extractor.DefaultConfig(),
		Wire: func(_ context.Context, cfg extractor.Config, env daemon.Env) (daemon.Run, error) {
			service, err := extractor.New(cfg, extractor.Deps{Telemetry: env.Telemetry, Health: env.Health})
			if err != nil {
				return nil, err
			}
			return service.Run, nil
		},
		Connect: func(ctx context.Context, cfg extractor.Config, env daemon.Env) error {
			return errors.Join(kafka.Reachable(ctx, cfg.Kafka, kafka.Deps{Log: env.Log}), redis.Reachable(ctx, cfg.Redis))
		},
	}))
}

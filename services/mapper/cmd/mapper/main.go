// The mapper program turns rows into records; see the package
// tapline.dev/services/mapper.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // zones of imports, on images without a zone database

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/services/mapper"
)

func main() {
	os.Exit(daemon.Main(daemon.Program[mapper.Config]{
		Name:      "mapper",
		AdminAddr: "127.0.0.1:19012",
		Config:    mapper.DefaultConfig(),
		Wire: func(_ context.Context, cfg mapper.Config, env daemon.Env) (daemon.Run, error) {
			service, err := mapper.New(cfg, mapper.Deps{Telemetry: env.Telemetry, Health: env.Health})
			if err != nil {
				return nil, err
			}
			return service.Run, nil
		},
		Connect: func(ctx context.Context, cfg mapper.Config, env daemon.Env) error {
			return kafka.Reachable(ctx, cfg.Kafka, kafka.Deps{Log: env.Log})
		},
	}))
}

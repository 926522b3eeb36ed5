package daemon

import (
	"context"

	"go.opentelemetry.io/otel/attribute"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas/metrics"
)

// exportHealth makes a metric of each readiness check, until stop.
func (env Env) exportHealth(ctx context.Context) (stop func(), err error) {
	ctx = context.WithoutCancel(ctx) // the checks say something during the drain too
	in := telemetry.NewInstruments(env.Telemetry.Meter("tapline.dev/libs/daemon"))
	stop = in.Observe(func(o telemetry.Observer) {
		for _, r := range env.Health.Results(ctx) {
			effect, value := "unready", 1.0
			if r.Degrades {
				effect = "degraded"
			}
			if r.Err != nil {
				value = 0
			}
			o.Set(metrics.HealthCheck, value, attribute.String("check", r.Name), attribute.String("effect", effect))
		}
	}, metrics.HealthCheck)
	return stop, in.Err()
}

package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas/metrics"
)

// meterHook measures commands by name and outcome. It writes no spans: the
// batch's own span already covers its few calls, and the driver's dial span
// would begin a trace of its own.
type meterHook struct {
	duration metric.Float64Histogram
}

func newMeterHook(meter metric.Meter) (*meterHook, error) {
	in := telemetry.NewInstruments(meter)
	return &meterHook{duration: in.Histogram(metrics.RedisCommandDuration)}, in.Err()
}

// DialHook leaves dialling alone.
func (h *meterHook) DialHook(next goredis.DialHook) goredis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook measures one command.
func (h *meterHook) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		start := time.Now()
		err := next(ctx, cmd)
		h.record(ctx, cmd.Name(), start, err)
		return err
	}
}

// ProcessPipelineHook measures a pipeline as one command.
func (h *meterHook) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		start := time.Now()
		err := next(ctx, cmds)
		h.record(ctx, "pipeline", start, err)
		return err
	}
}

func (h *meterHook) record(ctx context.Context, command string, start time.Time, err error) {
	outcome := "ok"
	switch {
	case errors.Is(err, goredis.Nil), err == nil:
	case transient(err):
		outcome = "unavailable"
	default:
		outcome = "error"
	}
	h.duration.Record(ctx, time.Since(start).Seconds(), metric.WithAttributes(
		attribute.String("command", command), attribute.String("outcome", outcome)))
}

// silence keeps the driver's own log lines off standard error: they are not
// JSON, and what matters comes back as an error.
type silence struct{}

// Printf discards the line.
func (silence) Printf(context.Context, string, ...any) {}

// The driver has one logger for the process, set without a lock.
var silenceDriver = sync.OnceFunc(func() { goredis.SetLogger(silence{}) })

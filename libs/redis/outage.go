package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"tapline.dev/libs/telemetry"
)

// outageHook logs when Redis does not answer, and when it answers and refuses to write: its
// memory is full, its disk is, too few replicas follow, or it became a replica itself. What
// it shows then is what it held before.
type outageHook struct {
	away, refusing *telemetry.Outage
}

func newOutageHook(log *slog.Logger) *outageHook {
	return &outageHook{
		away: telemetry.NewOutage(log, telemetry.OutageTexts{Begins: "Redis is away", Lasts: "Redis is still away", Ends: "Redis is back"}),
		refusing: telemetry.NewOutage(log, telemetry.OutageTexts{
			Begins: "Redis answers and refuses to write", Lasts: "Redis still refuses to write", Ends: "Redis writes again",
		}),
	}
}

// DialHook leaves dialling alone.
func (h *outageHook) DialHook(next goredis.DialHook) goredis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook notes what became of a command.
func (h *outageHook) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		h.note(ctx, err, cmd)
		return err
	}
}

// ProcessPipelineHook notes what became of the commands of a pipeline.
func (h *outageHook) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			if err == nil || cmd.Err() != nil {
				h.note(ctx, cmd.Err(), cmd)
			}
		}
		return err
	}
}

func (h *outageHook) note(ctx context.Context, err error, cmd goredis.Cmder) {
	_, answered := errors.AsType[goredis.Error](err)
	switch {
	case refusesWrites(err):
		h.away.Worked(ctx)
		h.refusing.Failed(ctx, err)
	case err == nil:
		h.away.Worked(ctx)
		if writes[cmd.Name()] {
			h.refusing.Worked(ctx)
		}
	case answered || errors.Is(err, goredis.Nil):
		h.away.Worked(ctx)
	case errors.Is(err, context.Canceled), errors.Is(err, goredis.ErrClosed):
	default:
		h.away.Failed(ctx, err)
	}
}

// writes are the commands of this package whose success shows that Redis writes.
var writes = map[string]bool{
	"set": true, "hset": true, "zadd": true, "pexpire": true, "evalsha": true, "eval": true,
}

// refusesWrites reports whether Redis answers but takes no writes.
func refusesWrites(err error) bool {
	if _, ok := errors.AsType[goredis.Error](err); !ok {
		return false
	}
	// A transaction with a refused command ends with EXECABORT.
	for _, prefix := range []string{"EXECABORT", "OOM", "MISCONF", "NOREPLICAS", "READONLY"} {
		// Within a script the prefix may come after the script's own.
		if strings.HasPrefix(err.Error(), prefix) || strings.Contains(err.Error(), " "+prefix+" ") {
			return true
		}
	}
	return false
}

// Check is a readiness check: Redis answers, and did not refuse the newest write.
func (c *Client) Check(ctx context.Context) error {
	if err := c.Ping(ctx); err != nil {
		return err
	}
	if c.outage == nil {
		return nil
	}
	if err := c.outage.refusing.Err(); err != nil {
		return fmt.Errorf("redis answers but refuses to write: %w", err)
	}
	return nil
}

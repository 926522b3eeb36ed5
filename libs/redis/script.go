package redis

import (
	"context"
	"errors"

	goredis "github.com/redis/go-redis/v9"
)

// Script is Lua that runs atomically in Redis. Run one per batch, never per
// record.
type Script struct {
	script *goredis.Script
}

// NewScript prepares a script; Redis learns it at the first Run.
func NewScript(source string) *Script {
	return &Script{script: goredis.NewScript(source)}
}

// Run runs the script and returns its answer as Redis' driver decodes it. It is
// sent once; a script that can be repeated is repeated by its caller.
func (c *Client) Run(ctx context.Context, s *Script, keys []string, args ...any) (any, error) {
	full := make([]string, len(keys))
	for i, key := range keys {
		full[i] = c.prefix + key
	}
	var answer any
	err := c.once(ctx, "running a script", func(ctx context.Context) (err error) {
		answer, err = s.script.Run(ctx, c.rdb, full, args...).Result()
		if errors.Is(err, goredis.Nil) {
			return nil
		}
		return err
	})
	return answer, err
}

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

// swapSource counts a value that is there already as swapped, so that the script
// can be repeated.
const swapSource = `
local found = redis.call('GET', KEYS[1]) or ''
if found == ARGV[2] then return 1 end
if found ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1`

// Swap replaces the old value, "" where there is no key, and reports whether the
// key now holds the new one. It does not if the key held another value. Values of
// one key should all differ: an old one that came again would be swapped again.
func (c *Client) Swap(ctx context.Context, key, old, value string) (bool, error) {
	script := NewScript(swapSource).script
	swapped := 0
	err := c.repeat(ctx, "swapping a value", func(ctx context.Context) (err error) {
		swapped, err = script.Run(ctx, c.rdb, []string{c.prefix + key}, old, value).Int()
		return err
	})
	return swapped == 1, err
}

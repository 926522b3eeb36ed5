package redis

import (
	"context"
	"errors"
	"time"

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

// swapSource reports success also if the key already holds the new value, so
// that the script can be repeated after a lost answer.
const swapSource = `
local found = redis.call('GET', KEYS[1]) or ''
if found == ARGV[2] then return 1 end
if found ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1`

// Swap sets the new value if the key holds the old one, and reports whether the
// key now holds the new value. An old value of "" means that the key does not
// exist. If the key holds another value, Swap changes nothing. All values of one
// key should differ: if an old value came back, a repeated Swap would replace
// it.
func (c *Client) Swap(ctx context.Context, key, old, value string) (bool, error) {
	script := NewScript(swapSource).script
	swapped := 0
	err := c.repeat(ctx, "swapping a value", func(ctx context.Context) (err error) {
		swapped, err = script.Run(ctx, c.rdb, []string{c.prefix + key}, old, value).Int()
		return err
	})
	return swapped == 1, err
}

// replaceSource reports success also if the key already holds the new value, as
// swapSource does.
const replaceSource = `
local found = redis.call('GET', KEYS[1])
if found ~= ARGV[1] and found ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

// Replace writes the value, which expires after ttl, if the key holds the old one, and
// reports whether the key now holds the new value. If the key is gone, or holds another
// value, Replace changes nothing.
func (c *Client) Replace(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	script := NewScript(replaceSource).script
	replaced := 0
	err := c.repeat(ctx, "replacing a value", func(ctx context.Context) (err error) {
		replaced, err = script.Run(ctx, c.rdb, []string{c.prefix + key}, old, value, max(ttl, time.Millisecond).Milliseconds()).Int()
		return err
	})
	return replaced == 1, err
}

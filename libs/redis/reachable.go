package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Reachable signs in to Redis and reads a key under the prefix, or says what to do.
// It is for a check of the settings: services start without Redis.
func Reachable(ctx context.Context, cfg Config) (err error) {
	client, err := Open(cfg, Deps{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if err = client.Ping(ctx); err == nil {
		_, _, err = client.Get(ctx, "deployment")
	}
	if err != nil {
		return fmt.Errorf("reaching Redis at %s: is it running, and are redis.addrs, redis.tls, redis.username, redis.password and redis.keyPrefix right? %w", strings.Join(cfg.Addrs, ", "), err)
	}
	return nil
}

package redis

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// scanPage is how many keys Redis looks at for one page of a scan.
const scanPage = 500

// Get returns the value of a key, and false if there is none.
func (c *Client) Get(ctx context.Context, key string) ([]byte, bool, error) {
	var value []byte
	err := c.repeat(ctx, "reading a value", func(ctx context.Context) (err error) {
		value, err = c.rdb.Get(ctx, c.prefix+key).Bytes()
		return err
	})
	if errors.Is(err, goredis.Nil) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// MGet returns the values of the keys in their order, nil where there is none.
// It works across the slots of a cluster.
func (c *Client) MGet(ctx context.Context, keys ...string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	err := c.repeat(ctx, "reading values", func(ctx context.Context) error {
		pipe := c.rdb.Pipeline()
		answers := make([]*goredis.StringCmd, len(keys))
		for i, key := range keys {
			answers[i] = pipe.Get(ctx, c.prefix+key)
		}
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
		for i, answer := range answers {
			value, err := answer.Bytes()
			if err != nil && !errors.Is(err, goredis.Nil) {
				return err
			}
			values[i] = value
		}
		return nil
	})
	return values, err
}

// Set writes a value; with ttl 0 the value does not expire.
func (c *Client) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return c.repeat(ctx, "writing a value", func(ctx context.Context) error {
		return c.rdb.Set(ctx, c.prefix+key, value, ttl).Err()
	})
}

// SetIfAbsent writes the value unless the key exists and reports whether it did.
// The command is sent once: after an error the caller does not know whether the
// value was written, and should call Get.
func (c *Client) SetIfAbsent(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	stored := false
	err := c.once(ctx, "writing a new value", func(ctx context.Context) error {
		err := c.rdb.SetArgs(ctx, c.prefix+key, value, goredis.SetArgs{Mode: "NX", TTL: ttl}).Err()
		stored = err == nil
		if errors.Is(err, goredis.Nil) {
			return nil
		}
		return err
	})
	return stored, err
}

// Del removes keys of any type; missing ones are no error.
func (c *Client) Del(ctx context.Context, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	return c.repeat(ctx, "deleting keys", func(ctx context.Context) error {
		_, err := c.rdb.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
			for _, key := range keys {
				pipe.Unlink(ctx, c.prefix+key)
			}
			return nil
		})
		return err
	})
}

// HSetAll makes a hash hold exactly these fields and removes all others. Readers
// see the old or the new hash, never a mixture. Empty fields delete the key;
// with ttl 0 the hash does not expire.
func (c *Client) HSetAll(ctx context.Context, key string, fields map[string]string, ttl time.Duration) error {
	pairs := make([]any, 0, 2*len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		pairs = append(pairs, name, fields[name])
	}
	return c.repeat(ctx, "writing a hash", func(ctx context.Context) error {
		_, err := c.rdb.TxPipelined(ctx, func(pipe goredis.Pipeliner) error {
			pipe.Del(ctx, c.prefix+key)
			if len(pairs) > 0 {
				pipe.HSet(ctx, c.prefix+key, pairs...)
			}
			if len(pairs) > 0 && ttl > 0 {
				pipe.PExpire(ctx, c.prefix+key, ttl)
			}
			return nil
		})
		return err
	})
}

// HGetAll returns the fields of a hash, none if there is no such key.
func (c *Client) HGetAll(ctx context.Context, key string) (map[string]string, error) {
	all, err := c.HGetAllOf(ctx, key)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// HGetAllOf returns the fields of several hashes in one round trip, in the order
// of the keys.
func (c *Client) HGetAllOf(ctx context.Context, keys ...string) ([]map[string]string, error) {
	out := make([]map[string]string, len(keys))
	err := c.repeat(ctx, "reading hashes", func(ctx context.Context) error {
		pipe := c.rdb.Pipeline()
		answers := make([]*goredis.MapStringStringCmd, len(keys))
		for i, key := range keys {
			answers[i] = pipe.HGetAll(ctx, c.prefix+key)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		for i, answer := range answers {
			out[i] = answer.Val()
		}
		return nil
	})
	return out, err
}

// Scan yields the keys that begin with the prefix, in no order. A key may come
// twice if keys change meanwhile. After an error it ends.
func (c *Client) Scan(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		keys, err := c.scan(ctx, prefix)
		if err != nil {
			yield("", wrap("scanning keys", err))
			return
		}
		for _, key := range keys {
			if !yield(strings.TrimPrefix(key, c.prefix), nil) {
				return
			}
		}
	}
}

// scan collects the keys, because the nodes of a cluster are scanned
// concurrently.
func (c *Client) scan(ctx context.Context, prefix string) ([]string, error) {
	pattern := globEscape.Replace(c.prefix+prefix) + "*"
	cluster, ok := c.rdb.(*goredis.ClusterClient)
	if !ok {
		return scanNode(ctx, c.rdb, pattern)
	}
	found := make(chan []string)
	done := make(chan error, 1)
	go func() {
		defer close(found)
		done <- cluster.ForEachMaster(ctx, func(ctx context.Context, node *goredis.Client) error {
			keys, err := scanNode(ctx, node, pattern)
			found <- keys
			return err
		})
	}()
	var all []string
	for keys := range found {
		all = append(all, keys...)
	}
	return all, <-done
}

var globEscape = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `\`, `\\`)

func scanNode(ctx context.Context, node goredis.Cmdable, pattern string) ([]string, error) {
	var all []string
	pages := node.Scan(ctx, 0, pattern, scanPage).Iterator()
	for pages.Next(ctx) {
		all = append(all, pages.Val())
	}
	return all, pages.Err()
}

package signin

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// flushEvery is how often the times of use are written to Redis.
	flushEvery = 10 * time.Second
	// usedFor is how long a time of use is kept.
	usedFor = 400 * 24 * time.Hour
)

// values is the part of the Redis client that this package needs.
type values interface {
	Get(ctx context.Context, key string) ([]byte, bool, error)
	MGet(ctx context.Context, keys ...string) ([][]byte, error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Del(ctx context.Context, keys ...string) error
}

// LastUse remembers when each key was used last: in memory at each use, and every
// few seconds in Redis, where all replicas find it. It is lost with Redis, and no
// decision depends on it.
type LastUse struct {
	redis values
	log   *slog.Logger

	mu      sync.Mutex
	last    map[string]time.Time
	unsaved map[string]time.Time // not in Redis yet
}

// NewLastUse starts without any times.
func NewLastUse(redis values, log *slog.Logger) *LastUse {
	return &LastUse{redis: redis, log: log, last: map[string]time.Time{}, unsaved: map[string]time.Time{}}
}

// Note notes a use.
func (u *LastUse) Note(name string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last[name], u.unsaved[name] = at, at
}

// Run writes what is noted until ctx is done.
func (u *LastUse) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			u.flush(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (u *LastUse) flush(ctx context.Context) {
	u.mu.Lock()
	unsaved := u.unsaved
	u.unsaved = map[string]time.Time{}
	u.mu.Unlock()
	for name, at := range unsaved {
		if err := u.redis.Set(ctx, usedKey(name), []byte(at.UTC().Format(time.RFC3339)), usedFor); err != nil {
			u.log.WarnContext(ctx, "the last uses of keys could not be written", slog.Any("error", err))
			return
		}
	}
}

// Last says when each of the keys was used last, zero if that is not known.
func (u *LastUse) Last(ctx context.Context, names []string) []time.Time {
	out := make([]time.Time, len(names))
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = usedKey(name)
	}
	if len(names) > 0 {
		texts, err := u.redis.MGet(ctx, keys...)
		if err != nil {
			u.log.WarnContext(ctx, "the last uses of keys could not be read", slog.Any("error", err))
		}
		for i, text := range texts {
			if at, err := time.Parse(time.RFC3339, string(text)); err == nil {
				out[i] = at
			}
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, name := range names {
		if at := u.last[name]; at.After(out[i]) {
			out[i] = at.UTC().Truncate(time.Second)
		}
	}
	return out
}

func usedKey(name string) string { return "access:used:" + name }

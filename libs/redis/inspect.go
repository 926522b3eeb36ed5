package redis

import (
	"context"
	"strings"
	"time"
)

// Facts are what the server reports in INFO. A text is empty if the server does not report it.
type Facts struct {
	Version    string
	Eviction   string // maxmemory-policy
	AOF        string // "1" if each change is logged
	LastSave   string // "ok", or how the newest snapshot ended
	SkewMillis int64  // how far its clock is ahead of this process's
}

// Facts sends INFO. In a cluster one of the nodes answers.
func (c *Client) Facts(ctx context.Context) (f Facts, err error) {
	err = c.repeat(ctx, "asking for facts", func(ctx context.Context) error {
		began := time.Now()
		clock, err := c.rdb.Time(ctx).Result()
		if err != nil {
			return err
		}
		f.SkewMillis = clock.Sub(began.Add(time.Since(began) / 2)).Milliseconds()
		text, err := c.rdb.Info(ctx).Result()
		if err != nil {
			return err
		}
		f.read(text)
		return nil
	})
	return f, err
}

func (f *Facts) read(info string) {
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "redis_version":
			f.Version = value
		case "maxmemory_policy":
			f.Eviction = value
		case "aof_enabled":
			f.AOF = value
		case "rdb_last_bgsave_status":
			f.LastSave = value
		}
	}
}

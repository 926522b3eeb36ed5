package redis

import (
	"context"
	"math"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// ZAdd puts a member into a sorted set, or gives it a new score.
func (c *Client) ZAdd(ctx context.Context, key, member string, score float64) error {
	return c.repeat(ctx, "writing to a sorted set", func(ctx context.Context) error {
		return c.rdb.ZAdd(ctx, c.prefix+key, goredis.Z{Score: score, Member: member}).Err()
	})
}

// ZRem takes members out of a sorted set.
func (c *Client) ZRem(ctx context.Context, key string, members ...string) error {
	list := make([]any, len(members))
	for i, m := range members {
		list[i] = m
	}
	return c.repeat(ctx, "deleting from a sorted set", func(ctx context.Context) error {
		return c.rdb.ZRem(ctx, c.prefix+key, list...).Err()
	})
}

// ZRange returns at most limit members from offset on, highest score first if
// descending.
func (c *Client) ZRange(ctx context.Context, key string, offset, limit int, descending bool) ([]string, error) {
	if limit <= 0 {
		return nil, nil
	}
	var members []string
	err := c.repeat(ctx, "reading a sorted set", func(ctx context.Context) (err error) {
		members, err = c.rdb.ZRangeArgs(ctx, goredis.ZRangeArgs{
			Key: c.prefix + key, Start: offset, Stop: offset + limit - 1, Rev: descending,
		}).Result()
		return err
	})
	return members, err
}

// ZBelow returns at most limit members with a score below the given one, lowest
// first.
func (c *Client) ZBelow(ctx context.Context, key string, score float64, limit int) ([]string, error) {
	var members []string
	err := c.repeat(ctx, "reading a sorted set", func(ctx context.Context) (err error) {
		members, err = c.rdb.ZRangeArgs(ctx, goredis.ZRangeArgs{
			Key: c.prefix + key, ByScore: true, Start: "-inf", Stop: "(" + strconv.FormatFloat(score, 'f', -1, 64), Count: int64(limit),
		}).Result()
		return err
	})
	return members, err
}

// Scored is a member of a sorted set with its score.
type Scored struct {
	Member string
	Score  float64
}

// ZDescending returns at most limit members whose score is at most the given one,
// highest first, after the first offset of them.
func (c *Client) ZDescending(ctx context.Context, key string, from float64, offset, limit int) ([]Scored, error) {
	highest := strconv.FormatFloat(from, 'f', -1, 64)
	if math.IsInf(from, 1) {
		highest = "+inf"
	}
	var members []goredis.Z
	err := c.repeat(ctx, "reading a sorted set", func(ctx context.Context) (err error) {
		members, err = c.rdb.ZRangeArgsWithScores(ctx, goredis.ZRangeArgs{
			Key: c.prefix + key, ByScore: true, Rev: true, Start: highest, Stop: "-inf",
			Offset: int64(offset), Count: int64(limit),
		}).Result()
		return err
	})
	out := make([]Scored, len(members))
	for i, m := range members {
		member, _ := m.Member.(string)
		out[i] = Scored{member, m.Score}
	}
	return out, err
}

package projection

import (
	"context"
	"errors"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
)

// Claim returns an error if the keys in Redis are another deployment's, whose
// runs and imports may have the same names as this one's. A Redis that does not
// answer is no error, because nothing waits for Redis here; the scheduler claims
// the keys later.
func Claim(ctx context.Context, reader *kafka.Reader, client *redis.Client) error {
	err := claim(ctx, reader, client)
	if errors.Is(err, redis.ErrClaimed) {
		return err
	}
	return nil
}

func claim(ctx context.Context, reader *kafka.Reader, client *redis.Client) error {
	deployment, err := reader.Deployment(ctx)
	if err != nil {
		return err
	}
	return client.Claim(ctx, deployment.String())
}

// NewWriterOf returns a writer to the deployment's own keys. The writer claims
// the keys before it reads them, because a Redis that is emptied no longer knows
// whose keys it held.
func NewWriterOf(reader *kafka.Reader, client *redis.Client) *Writer {
	return &Writer{store: client, claim: func(ctx context.Context) error { return claim(ctx, reader, client) }}
}

package projection

import (
	"context"
	"errors"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
)

// Claim refuses a Redis whose keys are another deployment's: its runs and imports
// have the same names as this one's. A Redis that does not answer is no error,
// because nothing waits for it; the scheduler claims it later.
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

// NewWriterOf returns a writer to the deployment's own keys. It claims them before
// it looks at them: a Redis that is emptied forgets whose it was.
func NewWriterOf(reader *kafka.Reader, client *redis.Client) *Writer {
	return &Writer{store: client, claim: func(ctx context.Context) error { return claim(ctx, reader, client) }}
}

package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// poll returns the records of one poll, or its error. Records that came beside
// an error are returned first and the error at the next poll, because records
// that were polled and dropped would be lost to the reader.
func poll(ctx context.Context, from func(context.Context, int) kgo.Fetches, limit int, pending *error) ([]*Record, error) {
	if *pending != nil {
		err := *pending
		*pending = nil
		return nil, err
	}
	fetches := from(ctx, limit)
	err := fetchError(ctx, fetches)
	records := fetches.Records()
	if len(records) > 0 {
		*pending = err
		return records, nil
	}
	return nil, err
}

// fetchError is the first error that a reader must act on. Retriable ones do
// not surface from franz-go; a topic that is gone is a deleted import's. One that
// the client knows by an id that is gone was deleted, and perhaps made anew: this
// client would never read it again, and another one does.
func fetchError(ctx context.Context, fetches kgo.Fetches) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, e := range fetches.Errors() {
		switch {
		case errors.Is(e.Err, kerr.UnknownTopicOrPartition):
		default:
			return fmt.Errorf("fetching %s[%d]: %w", e.Topic, e.Partition, e.Err)
		}
	}
	return nil
}

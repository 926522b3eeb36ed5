package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// FetchError says which partition cannot be read.
type FetchError struct {
	TP  TP
	Err error
}

func (e *FetchError) Error() string {
	return fmt.Sprintf("fetching %s[%d]: %v", e.TP.Topic, e.TP.Partition, e.Err)
}

func (e *FetchError) Unwrap() error { return e.Err }

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
			return &FetchError{TP: TP{e.Topic, e.Partition}, Err: e.Err}
		}
	}
	return nil
}

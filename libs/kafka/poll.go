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

// poll returns the records of one poll, or its error. If a poll yields both,
// poll returns the records first and the error at the next call: the client does
// not fetch records again that were polled, so dropping them would lose them.
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

// fetchError returns the first error that a reader must act on. franz-go retries
// retriable errors itself. UnknownTopicOrPartition is ignored: the topic
// belonged to a deleted import. An unknown topic id is returned: the topic was
// deleted and perhaps created again, and this client would never read the new topic;
// a new client does.
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

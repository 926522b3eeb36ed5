package kafka

import (
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ProduceError says to which topic a record could not be written.
type ProduceError struct {
	Topic string
	Err   error
}

func (e *ProduceError) Error() string { return fmt.Sprintf("producing to %s: %v", e.Topic, e.Err) }

func (e *ProduceError) Unwrap() error { return e.Err }

// Refused reports that the topic is missing or that the client may not write to
// it. Another client would fail in the same way.
func (e *ProduceError) Refused() bool { return Refused(e.Err) }

// Refused reports that a topic is missing or that the client has no right to use it.
func Refused(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.TopicAuthorizationFailed)
}

// promises records the first error with which a record of a transaction was not produced.
type promises struct {
	mu  sync.Mutex
	err error
}

func (p *promises) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = nil
}

// note is the promise of each record of a transaction.
func (p *promises) note(r *Record, err error) {
	if err == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = &ProduceError{Topic: r.Topic, Err: err}
	}
}

func (p *promises) first() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

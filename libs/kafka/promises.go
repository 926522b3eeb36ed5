package kafka

import (
	"fmt"
	"sync"
)

// promises remembers the first failed produce of a transaction.
type promises struct {
	mu  sync.Mutex
	err error
}

func (p *promises) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = nil
}

func (p *promises) add() func(*Record, error) {
	return func(r *Record, err error) {
		if err == nil {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.err == nil {
			p.err = fmt.Errorf("producing to %s: %w", r.Topic, err)
		}
	}
}

func (p *promises) first() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

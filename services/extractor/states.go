package extractor

import (
	"context"
	"encoding/json"
	"sync"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// states follows the state topic.
type states struct {
	table   *kafka.Table
	changed chan struct{} // has a signal when anything changed

	mu        sync.Mutex
	bySubject map[string]*schemas.State
}

func newStates(cfg kafka.Config, deps kafka.Deps, topics schemas.Topics) (*states, error) {
	s := &states{bySubject: map[string]*schemas.State{}, changed: make(chan struct{}, 1)}
	var err error
	s.table, err = kafka.OpenTable(cfg, deps, topics.State(), s.apply)
	return s, err
}

func (s *states) apply(r *kafka.Record) {
	var state *schemas.State
	if r.Value != nil {
		state = &schemas.State{}
		if json.Unmarshal(r.Value, state) != nil {
			return // only the scheduler writes here; the next state replaces it
		}
	}
	s.mu.Lock()
	if state == nil {
		delete(s.bySubject, string(r.Key))
	} else {
		s.bySubject[string(r.Key)] = state
	}
	s.mu.Unlock()
	s.signal()
}

func (s *states) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// all returns the states as they are now; they are shared and read only.
func (s *states) all() map[string]*schemas.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]*schemas.State, len(s.bySubject))
	for k, v := range s.bySubject {
		out[k] = v
	}
	return out
}

// read reads the topic to its end and returns a subject's state, nil if there is
// none.
func (s *states) read(ctx context.Context, subject string) (*schemas.State, error) {
	if err := s.table.ReadToEnd(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bySubject[subject], nil
}

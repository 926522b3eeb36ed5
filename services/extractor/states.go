package extractor

import (
	"context"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// states follows the state topic.
type states struct {
	table *kafka.Table[*schemas.State]
	wake  chan struct{} // has a signal when the work in hand has changed
}

func newStates(cfg kafka.Config, deps kafka.Deps, topics schemas.Topics) (*states, error) {
	table, err := kafka.OpenTable(cfg, deps, kafka.TableConfig[*schemas.State]{Topic: topics.State()})
	return &states{table: table, wake: make(chan struct{}, 1)}, err
}

func (s *states) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// all returns the states as they are now, which are shared and read only, and
// the subjects whose state cannot be read: what is under way for these goes on,
// and nothing is begun.
func (s *states) all() (bySubject map[string]*schemas.State, broken map[string]error) {
	return s.table.All(), s.table.Broken()
}

// read reads a subject's partition of the topic to its end and returns its
// state, nil if there is none.
func (s *states) read(ctx context.Context, subject string) (*schemas.State, error) {
	if err := s.table.ReadToEnd(ctx, schemas.ControlPartition(subject)); err != nil {
		return nil, err
	}
	state, _, err := s.table.Get(subject)
	return state, err
}

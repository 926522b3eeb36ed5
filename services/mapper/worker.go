package mapper

import (
	"errors"
	"fmt"
	"sync"

	"tapline.dev/libs/kafka"
)

// worker is one member of the consumer group. A mapper has Config.Parallel of them, which
// share what they know of runs, rules and people, and nothing that one of them waits for.
type worker struct {
	*Service
	id       string // transactional
	ready    func(error)
	presence kafka.Presence
}

func (s *Service) newWorkers(r *readiness) []*worker {
	workers := make([]*worker, s.cfg.Parallel)
	for i := range workers {
		// The first has the name that a mapper with one worker has, and no host's name
		// holds the mark of the others.
		id := "map-" + s.cfg.Instance
		if i > 0 {
			id += fmt.Sprintf("+%d", i)
		}
		workers[i] = &worker{Service: s, id: id, ready: func(err error) { r.set(i, err) }}
	}
	return workers
}

// readiness is ready while every worker is. Safe for concurrent use.
type readiness struct {
	mu   sync.Mutex
	errs []error
	tell func(error)
}

var errNotJoined = errors.New("not yet a member of the consumer group")

func newReadiness(workers int, tell func(error)) *readiness {
	r := &readiness{errs: make([]error, workers), tell: tell}
	for i := range r.errs {
		r.errs[i] = errNotJoined
	}
	return r
}

func (r *readiness) set(worker int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs[worker] = err
	r.tell(errors.Join(r.errs...))
}

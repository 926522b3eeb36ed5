package mapper

import (
	"sync"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// imports knows every import that was ever applied, so that its rows topic is
// consumed: a subscription by pattern would take minutes to see a new one.
type imports struct {
	topics schemas.Topics

	mu    sync.Mutex
	known map[string]bool // rows topics
	add   func(topics ...string)
}

func newImports(topics schemas.Topics) *imports {
	return &imports{topics: topics, known: map[string]bool{topics.DryRunRows(): true}}
}

// apply takes a record of the imports topic. A deleted import stays known until
// the process ends: its topics may still hold rows of a run.
func (i *imports) apply(r *kafka.Record) {
	if r.Value == nil {
		return
	}
	topic := i.topics.Rows(string(r.Key))
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known[topic] {
		return
	}
	i.known[topic] = true
	if i.add != nil {
		i.add(topic)
	}
}

// follow calls add for every known topic and for each new one, until stop.
func (i *imports) follow(add func(topics ...string)) (stop func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.add = add
	for topic := range i.known {
		add(topic)
	}
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.add = nil
	}
}

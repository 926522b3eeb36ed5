package runs

import (
	"sync"

	"tapline.dev/libs/kafka"
)

// Subscription knows one topic of every import that was ever applied, so that it
// is consumed: a subscription by pattern would take minutes to see a new import.
type Subscription struct {
	topicOf func(importName string) string

	mu    sync.Mutex
	known map[string]bool // topics
	add   func(topics ...string)
}

// NewSubscription is one to the topics that topicOf names, and to those given.
func NewSubscription(topicOf func(importName string) string, topics ...string) *Subscription {
	s := &Subscription{topicOf: topicOf, known: map[string]bool{}}
	for _, topic := range topics {
		s.known[topic] = true
	}
	return s
}

// Apply takes a record of the imports topic. A deleted import stays known until
// the process ends: its topics may still hold records of a run.
func (s *Subscription) Apply(r *kafka.Record) {
	if r.Value == nil {
		return
	}
	topic := s.topicOf(string(r.Key))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[topic] {
		return
	}
	s.known[topic] = true
	if s.add != nil {
		s.add(topic)
	}
}

// Follow calls add for every known topic and for each new one, until stop.
func (s *Subscription) Follow(add func(topics ...string)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add = add
	for topic := range s.known {
		add(topic)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.add = nil
	}
}

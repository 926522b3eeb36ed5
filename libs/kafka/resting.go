package kafka

import (
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// resting are the topics that a member does not fetch for now, because nothing is expected
// in them. A consumer asks its brokers four times a second whether any partition that it
// fetches has records, and each time client and broker go through all of these partitions:
// with thousands of them that is most of what an idle process costs. While every topic
// rests nothing is asked at all, and a topic that is woken is fetched at once.
//
// A rest is of whole topics and a pause of partitions: the client keeps them apart, and
// neither ends the other.
type resting struct {
	mu     sync.Mutex
	topics map[string]bool
}

func (r *resting) has(topic string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.topics[topic]
}

func (r *resting) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.topics))
}

func (r *resting) rest(client *kgo.Client, topics []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(topics) == 0 {
		return
	}
	if r.topics == nil {
		r.topics = map[string]bool{}
	}
	for _, topic := range topics {
		r.topics[topic] = true
	}
	client.PauseFetchTopics(topics...)
}

func (r *resting) wake(client *kgo.Client, topics []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(topics) == 0 {
		return
	}
	for _, topic := range topics {
		delete(r.topics, topic)
	}
	client.ResumeFetchTopics(topics...)
}

// Rest stops fetching topics until Wake. The member keeps their partitions.
func (g *Group) Rest(topics ...string) { g.resting.rest(g.client, topics) }

// Wake fetches resting topics again.
func (g *Group) Wake(topics ...string) { g.resting.wake(g.client, topics) }

// Resting reports whether a topic rests.
func (g *Group) Resting(topic string) bool { return g.resting.has(topic) }

// AtRest returns the topics that rest.
func (g *Group) AtRest() []string { return g.resting.list() }

// Rest stops fetching topics until Wake. The member keeps their partitions. Any goroutine
// may call it.
func (g *GroupTransactor) Rest(topics ...string) { g.resting.rest(g.session.Client(), topics) }

// Wake fetches resting topics again. Any goroutine may call it.
func (g *GroupTransactor) Wake(topics ...string) { g.resting.wake(g.session.Client(), topics) }

// Resting reports whether a topic rests. Any goroutine may call it.
func (g *GroupTransactor) Resting(topic string) bool { return g.resting.has(topic) }

// AtRest returns the topics that rest. Any goroutine may call it.
func (g *GroupTransactor) AtRest() []string { return g.resting.list() }

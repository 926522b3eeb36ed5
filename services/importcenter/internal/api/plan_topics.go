package api

import (
	"context"
	"fmt"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// topicChanges says by import what applying does to topics.
func (h *handlers) topicChanges(ctx context.Context, changes []plan.Change) (map[string][]Consequence, error) {
	specs := map[string][]schemas.TopicSpec{}
	var names []string
	for _, c := range changes {
		if c.Import == nil {
			continue
		}
		specs[c.Name] = h.Topics.ImportTopics(c.Name, c.Import.Spec.Topic)
		for _, s := range specs[c.Name] {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	have, err := h.PartitionCounts(ctx, names)
	if err != nil {
		return nil, err
	}
	out := map[string][]Consequence{}
	for _, c := range changes {
		for _, s := range specs[c.Name] {
			if c.Import == nil {
				continue
			}
			n, exists := have[s.Name]
			if said, ok := h.topicChange(c, s, n, exists); ok {
				out[c.Name] = append(out[c.Name], said)
			}
		}
	}
	return out, nil
}

// topicChange says what applying does to one topic; false if it does nothing.
func (h *handlers) topicChange(c plan.Change, s schemas.TopicSpec, partitions int, exists bool) (Consequence, bool) {
	switch {
	case c.Outcome == plan.Removed && exists:
		return Consequence{About: "topic", Text: s.Name + " keeps what it holds until its retention is over; tapline topics prune removes it"}, true
	case c.Outcome == plan.Removed:
		return Consequence{}, false
	case !exists && !h.CreateTopics:
		return Consequence{About: "topic", Refused: true, Text: fmt.Sprintf(
			"refused while the topic %s is missing: make it with tapline topics apply -f, or set kafka.createTopics", s.Name)}, true
	case !exists:
		return Consequence{About: "topic", Text: fmt.Sprintf("the topic %s is made, with %d partitions", s.Name, s.Partitions)}, true
	case partitions != s.Partitions:
		return Consequence{About: "partitions", Refused: true, Text: fmt.Sprintf(
			"refused while rows are in the topics: %s has %d partitions, and in %d the rows of one identity would lie in two of them", s.Name, partitions, s.Partitions)}, true
	}
	return Consequence{}, false
}

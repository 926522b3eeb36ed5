package rejects

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Topic answers from the topic itself, by reading all of the import's partition.
type Topic struct {
	reader reader
	name   string
}

// NewTopic returns the rejects of a topic.
func NewTopic(r reader, name string) *Topic { return &Topic{r, name} }

// Count counts the selected rejects by group.
func (t *Topic) Count(ctx context.Context, s Selection) ([]Group, Completeness, error) {
	counts := map[Group]int64{}
	next, err := t.each(ctx, s, func(_ schemas.RejectRef, r schemas.Reject) error {
		counts[Group{Code: r.Code, Stage: r.Stage, Column: r.Column, State: StateOpen}]++
		return nil
	})
	if err != nil {
		return nil, Completeness{}, err
	}
	groups := slices.Collect(maps.Keys(counts))
	for i, g := range groups {
		groups[i].Count = counts[g]
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Column, b.Column))
	})
	return groups, Completeness{Complete: true, IndexedUpTo: next}, nil
}

// Each calls fn with each selected reject in the order of offsets.
func (t *Topic) Each(ctx context.Context, s Selection, fn func(schemas.RejectRef, schemas.Reject) error) error {
	_, err := t.each(ctx, s, fn)
	return err
}

func (t *Topic) each(ctx context.Context, s Selection, fn func(schemas.RejectRef, schemas.Reject) error) (int64, error) {
	tp := kafka.TP{Topic: t.name, Partition: schemas.ControlPartition(s.Import)}
	start, err := t.reader.StartOffset(ctx, tp)
	if err != nil {
		return 0, fmt.Errorf("finding the start of the rejects: %w", err)
	}
	next, err := t.reader.ReadTo(ctx, tp, start, func(rec *kafka.Record) error {
		var reject schemas.Reject
		if err := json.Unmarshal(rec.Value, &reject); err != nil {
			return fmt.Errorf("decoding the reject at offset %d of partition %d: %w", rec.Offset, rec.Partition, err)
		}
		ref := schemas.RejectRef{Partition: rec.Partition, Offset: rec.Offset}
		if !s.matches(ref, reject) || s.State != "" && s.State != StateOpen {
			return nil
		}
		return fn(ref, reject)
	})
	if err != nil {
		return 0, fmt.Errorf("reading the rejects: %w", err)
	}
	return next, nil
}

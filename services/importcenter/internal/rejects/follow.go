package rejects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

var (
	errGone    = errors.New("the file of the index was deleted or replaced: it is built anew")
	errNewLog  = errors.New("a topic was made anew: the index is built anew")
	errShorter = errors.New("a topic ends before what was read of it: the index is built anew")
)

// keep opens the store and follows the topic until an error.
func (x *Index) keep(ctx context.Context, dir string) error {
	s, err := openStore(dir)
	if err != nil {
		return err
	}
	x.opened(s, map[kafka.TP]int64{})
	defer func() {
		x.closed()
		s.removeIfDamaged()
	}()
	topic := x.deps.Topics.Rejects()
	if err := x.sameTopics(ctx, s); err != nil {
		return err
	}
	position, err := x.begin(ctx, s, topic)
	if err != nil {
		return err
	}
	x.opened(s, position)
	tail, err := x.deps.OpenTail(maps.Clone(position))
	if err != nil {
		return err
	}
	defer tail.Close()
	checked := time.Now()
	for {
		records, err := x.poll(ctx, tail)
		if err != nil {
			return err
		}
		if err := x.takeWithRetry(ctx, s, records); err != nil {
			return err
		}
		if time.Since(checked) < x.cfg.Check {
			continue
		}
		if err := x.check(ctx, s, topic); err != nil {
			return err
		}
		checked = time.Now()
	}
}

// poll waits for records no longer than until the next check.
func (x *Index) poll(ctx context.Context, tail Tail) ([]*kafka.Record, error) {
	waiting, cancel := context.WithTimeout(ctx, x.cfg.Check)
	defer cancel()
	records, err := tail.Poll(waiting, batchRecords)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return nil, nil
	}
	return records, err
}

// sameTopics clears a store that was built from other topics of the same names.
func (x *Index) sameTopics(ctx context.Context, s *store) error {
	ids, changed, err := x.topicIDs(ctx, s)
	if err != nil {
		return err
	}
	s.topic = ids[x.deps.Topics.Rejects()]
	if changed == "" {
		return nil
	}
	x.deps.Log.WarnContext(ctx, "the store knows another topic: the index is built anew", slog.String("topic", changed))
	if err := s.clear(); err != nil {
		return fmt.Errorf("clearing the index of rejects: %w", err)
	}
	for topic, id := range ids {
		if err := s.setTopicID(topic, id); err != nil {
			return err
		}
	}
	return nil
}

// topicIDs are the ids of the topics that the index is built from, and one of them that the
// store knows under another id, or not at all.
func (x *Index) topicIDs(ctx context.Context, s *store) (ids map[string]string, changed string, err error) {
	ids = map[string]string{}
	for _, topic := range []string{x.deps.Topics.Rejects(), x.deps.Topics.Reports()} {
		if ids[topic], err = x.deps.Source.TopicID(ctx, topic); err != nil {
			return nil, "", err
		}
		before, err := s.topicID(topic)
		if err != nil {
			return nil, "", err
		}
		if before != ids[topic] {
			changed = topic
		}
	}
	return ids, changed, nil
}

// begin finds the offsets to go on at, and drops what retention has deleted meanwhile.
func (x *Index) begin(ctx context.Context, s *store, topic string) (map[kafka.TP]int64, error) {
	position, err := s.positions(topic, x.deps.Topics.Reports())
	if err != nil {
		return nil, err
	}
	for tp, at := range position {
		end, err := x.deps.Source.EndOffset(ctx, tp)
		if err != nil {
			return nil, err
		}
		if at > end {
			x.deps.Log.WarnContext(ctx, "a topic ends before what was read of it: the index is built anew", slog.String("topic", tp.Topic))
			if err := s.clear(); err != nil {
				return nil, fmt.Errorf("clearing the index of rejects: %w", err)
			}
			return nil, errShorter
		}
	}
	if err := x.retain(ctx, s, topic, position); err != nil {
		return nil, err
	}
	return position, nil
}

// retain drops what retention has deleted and raises positions that it has passed.
func (x *Index) retain(ctx context.Context, s *store, topic string, position map[kafka.TP]int64) error {
	starts := map[kafka.TP]int64{}
	for tp := range position {
		start, err := x.deps.Source.StartOffset(ctx, tp)
		if err != nil {
			return err
		}
		starts[tp] = start
	}
	if maps.Equal(starts, s.starts) {
		return nil // each transaction of the store waits for the disk
	}
	err := s.update(func(tx *bolt.Tx) error {
		w := beginWriting(tx)
		for tp, start := range starts {
			if tp.Topic == topic {
				if err := w.forget(tp.Partition, start); err != nil {
					return err
				}
			}
			if start <= position[tp] {
				continue
			}
			position[tp] = start
			if err := w.position(tp, start); err != nil {
				return err
			}
		}
		return w.end()
	})
	if err != nil {
		return fmt.Errorf("dropping old rejects from the index: %w", err)
	}
	s.starts = starts
	return nil
}

// check looks for changes that no record tells: the file, the topic and its retention.
func (x *Index) check(ctx context.Context, s *store, topic string) error {
	if s.gone() {
		return errGone
	}
	if s.damaged.Load() {
		return errDamaged
	}
	_, changed, err := x.topicIDs(ctx, s)
	if err != nil {
		return err
	}
	if changed != "" {
		return errNewLog
	}
	x.mu.Lock()
	position := maps.Clone(x.position)
	x.mu.Unlock()
	if err := x.retain(ctx, s, topic, position); err != nil {
		return err
	}
	x.advanced(position)
	return nil
}

// takeWithRetry adds records, and tries again while the file cannot be written, as on a full
// disk. Questions are meanwhile answered from what the file holds.
func (x *Index) takeWithRetry(ctx context.Context, s *store, records []*kafka.Record) error {
	for logged := false; ; logged = true {
		err := x.take(ctx, s, records)
		if err == nil {
			return nil
		}
		if s.gone() {
			return errGone
		}
		if s.damaged.Load() {
			return err
		}
		x.failed(err)
		if !logged {
			x.deps.Log.ErrorContext(ctx, "the index of rejects cannot be written: lists and counts are incomplete until it can", slog.Any("error", err))
		}
		if err := backoff.Wait(ctx, buildPause); err != nil {
			return err
		}
	}
}

// take writes records into the store and then moves the positions. A report of what a
// replay has taken waits in s.held until the rejects that it names are in the store.
func (x *Index) take(ctx context.Context, s *store, records []*kafka.Record) error {
	if len(records) == 0 {
		return nil
	}
	x.mu.Lock()
	next := maps.Clone(x.position)
	x.mu.Unlock()
	held := s.held
	err := s.update(func(tx *bolt.Tx) error {
		w := beginWriting(tx)
		held = slices.Clone(s.held)
		for _, rec := range records {
			tp := kafka.TP{Topic: rec.Topic, Partition: rec.Partition}
			if rec.Topic != x.deps.Topics.Rejects() {
				held = append(held, takenIn(rec, s.topic))
				continue
			}
			next[tp] = rec.Offset + 1
			if rec.Attrs.IsControl() {
				continue
			}
			if err := x.takeReject(ctx, w, rec); err != nil {
				return err
			}
		}
		var err error
		if held, err = x.takeReplays(w, held, next); err != nil {
			return err
		}
		for tp, at := range next {
			if err := w.position(tp, at); err != nil {
				return err
			}
		}
		return w.end()
	})
	if err != nil {
		return fmt.Errorf("writing the index of rejects: %w", err)
	}
	s.held = held
	x.advanced(next)
	return nil
}

func (x *Index) takeReject(ctx context.Context, w *writing, rec *kafka.Record) error {
	var reject schemas.Reject
	if err := json.Unmarshal(rec.Value, &reject); err != nil {
		// The error may quote the row.
		x.deps.Log.ErrorContext(ctx, "a reject cannot be read and is missing in lists and counts",
			slog.Int64("offset", rec.Offset), slog.Int("partition", int(rec.Partition)))
		return nil
	}
	ref := schemas.RejectRef{Partition: rec.Partition, Offset: rec.Offset}
	c := cellOf(reject)
	if of := reject.ReplayOf; of != nil {
		if err := w.move(*of, func(c *cell) { c.Again = true }); err != nil {
			return err
		}
	}
	return w.add(ref, c, reject.Time.Sub(time.Unix(c.Hour*3600, 0)).Nanoseconds())
}

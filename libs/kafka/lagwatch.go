package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"tapline.dev/libs/backoff"
)

const (
	lagEvery   = 5 * time.Second
	lagTimeout = 5 * time.Second
	// lagReads bounds the records that are read in a round to learn their age.
	lagReads   = 16
	maxSamples = 128
)

// Lag is how far a group is behind in a partition.
type Lag struct {
	// Records are offsets, markers of transactions among them.
	Records int64
	// Oldest is when the first record was written that the group has not committed, zero
	// without one. It is exact while the group stands still, and else right to lagEvery.
	Oldest time.Time
}

// LagWatch measures how far a consumer group is behind in the partitions that a member
// owns. It asks Kafka, so it says the same after a restart as before. One goroutine runs
// it; any may ask it.
type LagWatch struct {
	reader *Reader
	group  string

	mu     sync.Mutex
	member func() []TP // nil between memberships
	states map[TP]*lagState
}

// lagState is what is known of one partition.
type lagState struct {
	lag            Lag
	committed, end int64
	samples        []lagSample // oldest first: what had been written when
	exact          bool        // lag.Oldest was read from the record at committed
}

type lagSample struct {
	at  time.Time
	end int64
}

// NewLagWatch watches a group, which is named without the prefix.
func NewLagWatch(reader *Reader, group string) *LagWatch {
	return &LagWatch{reader: reader, group: reader.cfg.Prefix + group, states: map[TP]*lagState{}}
}

// Member says which partitions the present membership owns; nil ends it.
func (w *LagWatch) Member(owned func() []TP) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.member = owned
}

// Lags returns the owned partitions with their lags, as far as they have been measured.
func (w *LagWatch) Lags() map[TP]Lag {
	out := map[TP]Lag{}
	for _, tp := range w.owned() {
		out[tp] = Lag{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for tp, s := range w.states {
		if _, ok := out[tp]; ok {
			out[tp] = s.lag
		}
	}
	return out
}

func (w *LagWatch) owned() []TP {
	w.mu.Lock()
	member := w.member
	w.mu.Unlock()
	if member == nil {
		return nil
	}
	return member()
}

// Run measures until ctx ends. While Kafka does not answer, the newest values stay.
func (w *LagWatch) Run(ctx context.Context) {
	for {
		round, cancel := context.WithTimeout(ctx, lagTimeout)
		if err := w.Measure(round, time.Now()); err != nil && ctx.Err() == nil {
			w.reader.deps.Log.DebugContext(ctx, "the lag cannot be measured", slog.Any("error", err))
		}
		cancel()
		if backoff.Wait(ctx, lagEvery) != nil {
			return
		}
	}
}

// Measure is one round of Run.
func (w *LagWatch) Measure(ctx context.Context, now time.Time) error {
	tps := w.owned()
	w.forget(tps)
	if len(tps) == 0 {
		return nil
	}
	topics := make([]string, 0, len(tps))
	for _, tp := range tps {
		topics = append(topics, tp.Topic)
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	committed, err := w.reader.admin.FetchOffsets(ctx, w.group)
	if err != nil {
		return fmt.Errorf("fetching offsets: %w", err)
	}
	ends, err := w.reader.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return fmt.Errorf("listing offsets: %w", err)
	}
	starts, err := w.reader.StartOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	reads := 0
	for _, tp := range tps {
		end, err := lookup(ends, nil, tp)
		if err != nil {
			continue // the topic was deleted
		}
		at := starts[tp]
		if o, ok := committed.Lookup(tp.Topic, tp.Partition); ok && o.Err == nil {
			at = max(at, o.At)
		}
		if w.note(tp, at, end, now) && reads < lagReads {
			reads++
			oldest, found, err := w.reader.writtenAt(ctx, tp, at)
			if err == nil {
				w.noteOldest(tp, at, oldest, found)
			}
		}
	}
	return nil
}

// note takes in offsets, and reports whether the record at the committed one is to be read
// for its age.
func (w *LagWatch) note(tp TP, committed, end int64, now time.Time) (read bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, known := w.states[tp]
	if !known {
		s = &lagState{committed: -1}
		w.states[tp] = s
	}
	stands := !known || s.committed == committed
	if end != s.end || !known {
		s.samples = append(s.samples, lagSample{now, end})
	}
	s.samples = slices.DeleteFunc(s.samples, func(x lagSample) bool { return x.end <= committed })
	if len(s.samples) > maxSamples {
		s.samples = slices.Delete(s.samples, 1, 2)
	}
	if s.committed != committed || s.lag.Records == 0 && s.end != end {
		s.exact = false
	}
	s.committed, s.end, s.lag.Records = committed, end, max(end-committed, 0)
	switch {
	case s.lag.Records == 0:
		s.lag.Oldest, s.exact = time.Time{}, true
	case s.exact && s.lag.Oldest.IsZero():
		s.lag.Records = 0 // nothing but markers of transactions
	case !s.exact && len(s.samples) > 0:
		s.lag.Oldest = s.samples[0].at
	}
	return stands && !s.exact
}

// noteOldest takes in when the record at the committed offset was written; found is false
// if there are only markers of transactions up to the end.
func (w *LagWatch) noteOldest(tp TP, committed int64, written time.Time, found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.states[tp]
	if s == nil || s.committed != committed {
		return
	}
	s.exact, s.lag.Oldest = true, written
	if !found {
		s.lag = Lag{}
	}
}

// forget drops what is known of partitions that the member does not own any more.
func (w *LagWatch) forget(tps []TP) {
	keep := map[TP]bool{}
	for _, tp := range tps {
		keep[tp] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.states, func(tp TP, _ *lagState) bool { return !keep[tp] })
}

var errFound = errors.New("found")

// writtenAt is when the first record from an offset on was written, false if there are only
// markers of transactions up to the end.
func (r *Reader) writtenAt(ctx context.Context, tp TP, from int64) (at time.Time, found bool, err error) {
	_, err = r.ReadTo(ctx, tp, from, func(rec *Record) error {
		at, found = rec.Timestamp, true
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return at, found, err
}

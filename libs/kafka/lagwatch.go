package kafka

import (
	"context"
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
	// restingRounds is how many rounds pass between two looks at topics that rest: nothing
	// is expected in them.
	restingRounds = 12
	// lagReads bounds the partitions that are read in a round to learn the age of their
	// first record.
	lagReads   = 1000
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
	round  int

	mu       sync.Mutex
	members  []Watched // the present memberships of this process
	states   map[TP]*lagState
	measured chan struct{} // closed and replaced after each round
}

// Watched is a membership whose partitions are measured.
type Watched interface {
	// Owned returns the partitions that the group has assigned to the member.
	Owned() []TP
	// Resting reports whether the member does not fetch a topic, because nothing is
	// expected in it: it is measured less often.
	Resting(topic string) bool
}

// lagState is what is known of one partition.
type lagState struct {
	lag            Lag
	committed, end int64
	idleSince      time.Time   // since when nothing waits and nothing has come; zero while something waits
	samples        []lagSample // oldest first: what had been written when
	exact          bool        // lag.Oldest was read from the record at committed
}

type lagSample struct {
	at  time.Time
	end int64
}

// NewLagWatch watches a group, which is named without the prefix.
func NewLagWatch(reader *Reader, group string) *LagWatch {
	return &LagWatch{reader: reader, group: reader.cfg.Prefix + group, states: map[TP]*lagState{}, measured: make(chan struct{})}
}

// Join adds a membership of this process, until leave is called.
func (w *LagWatch) Join(m Watched) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.members = append(w.members, m)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.members = slices.DeleteFunc(slices.Clone(w.members), func(other Watched) bool { return other == m })
	}
}

// Measured returns a channel that closes after the next round.
func (w *LagWatch) Measured() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.measured
}

// IdleSince returns the partitions in which nothing waits for the group, and since when
// nothing has come. A partition that was not measured is not among them.
func (w *LagWatch) IdleSince() map[TP]time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[TP]time.Time, len(w.states))
	for tp, s := range w.states {
		if !s.idleSince.IsZero() {
			out[tp] = s.idleSince
		}
	}
	return out
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

// owned returns the partitions of all memberships.
func (w *LagWatch) owned() (owned []TP) {
	w.mu.Lock()
	members := w.members
	w.mu.Unlock()
	for _, m := range members {
		owned = append(owned, m.Owned()...)
	}
	return owned
}

// due are those of the owned partitions that this round measures: a resting topic is left
// out in most of them.
func (w *LagWatch) due() (due []TP) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.round++
	for _, m := range w.members {
		for _, tp := range m.Owned() {
			if w.round%restingRounds == 0 || w.states[tp] == nil || !m.Resting(tp.Topic) {
				due = append(due, tp)
			}
		}
	}
	return due
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
	w.forget(w.owned())
	tps := w.due()
	if len(tps) == 0 {
		return nil
	}
	byTopic := byTopic(tps)
	topics := slices.Collect(maps.Keys(byTopic))
	committed, err := fetchOffsets(ctx, w.reader.client, w.group, byTopic)
	if err != nil {
		return err
	}
	ends, err := w.reader.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return fmt.Errorf("listing offsets: %w", err)
	}
	starts, err := w.reader.StartOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	unclear := map[TP]gap{}
	for _, tp := range tps {
		end, err := lookup(ends, nil, tp)
		if err != nil {
			continue // the topic was deleted
		}
		at := max(starts[tp], committed[tp].Offset)
		if w.note(tp, at, end, now) && len(unclear) < lagReads {
			unclear[tp] = gap{at, end}
		}
	}
	err = w.reader.writtenAt(ctx, unclear, func(tp TP, written time.Time, found bool) {
		w.noteOldest(tp, unclear[tp].from, now, written, found)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.measured)
	w.measured = make(chan struct{})
	return err
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
	if s.end != end || !known {
		s.idleSince = time.Time{}
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
	s.noteIdle(now)
	return stands && !s.exact
}

// noteIdle notes since when nothing waits.
func (s *lagState) noteIdle(now time.Time) {
	switch {
	case s.lag.Records > 0:
		s.idleSince = time.Time{}
	case s.idleSince.IsZero():
		s.idleSince = now
	}
}

// noteOldest takes in when the record at the committed offset was written; found is false
// if there are only markers of transactions up to the end.
func (w *LagWatch) noteOldest(tp TP, committed int64, now, written time.Time, found bool) {
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
	s.noteIdle(now)
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

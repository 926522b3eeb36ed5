package recovery

import (
	"cmp"
	"slices"
	"time"
)

// reportedState is what reports say of an offset: its state, the holder whose intents made
// it ambiguous, how long a request may still be applied, and how many requests may
// have applied the record.
type reportedState struct {
	state  State
	holder string
	open   time.Duration
	times  int
}

// severalHolders is the holder of an offset for which more than one wrote an intent.
const severalHolders = "*"

// after returns the state that follows s when a report says next. An outcome is final.
// A withdrawal takes back the intents of its own holder only: a loader that does not
// know that it lost the partition cannot withdraw what the next owner has in flight.
func (s reportedState) after(next reportedState) reportedState {
	switch {
	case next.state == Done && s.state == Ambiguous && s.holder != severalHolders:
		return next // the receipt covers all requests of this one holder
	case s.state == Done || next.state == Done:
		return reportedState{state: Done, open: max(s.open, next.open)}
	case s.state == Fresh && next.state == Fresh:
		return reportedState{open: max(s.open, next.open)}
	case s.state == Fresh:
		next.open = max(s.open, next.open)
		return next
	case next.state == Ambiguous:
		if s.holder != next.holder {
			next.holder = severalHolders
		}
		next.open, next.times = max(s.open, next.open), max(s.times, next.times)
		return next
	case s.holder == next.holder:
		return reportedState{open: next.open}
	}
	return s
}

// span is a run of offsets with one state.
type span struct {
	from, to int64
	reportedState
}

// spans are in the order of their offsets and do not overlap. Neighbours of one state
// are merged, so that their memory grows with the gaps between uploads and not with the
// records: after a group is rewound by a month, a month of reports is read.
type spans []span

// set takes in what a report says of the offsets from from to to.
func (s *spans) set(from, to int64, reported reportedState) {
	if from > to {
		return
	}
	// Everything from first up to next touches the range, or borders on it.
	first, _ := slices.BinarySearchFunc(*s, from-1, func(sp span, offset int64) int { return cmp.Compare(sp.to, offset) })
	next := first
	var fresh spans
	at := from // the first offset without a new span
	for ; next < len(*s) && (*s)[next].from <= to+1; next++ {
		old := (*s)[next]
		fresh.add(span{old.from, min(old.to, from-1), old.reportedState})
		fresh.add(span{at, min(old.from-1, to), reportedState{}.after(reported)})
		fresh.add(span{max(old.from, from), min(old.to, to), old.after(reported)})
		at = max(at, min(old.to, to)+1)
		fresh.add(span{max(old.from, to+1), old.to, old.reportedState})
	}
	fresh.add(span{at, to, reportedState{}.after(reported)})
	*s = slices.Replace(*s, first, next, fresh...)
}

// add appends a span that may be empty.
func (s *spans) add(sp span) {
	if sp.from > sp.to {
		return
	}
	if n := len(*s); n > 0 && (*s)[n-1].to+1 == sp.from && (*s)[n-1].reportedState == sp.reportedState {
		(*s)[n-1].to = sp.to
		return
	}
	*s = append(*s, sp)
}

// at is what is known of an offset.
func (s spans) at(offset int64) reportedState {
	i, _ := slices.BinarySearchFunc(s, offset, func(sp span, offset int64) int { return cmp.Compare(sp.to, offset) })
	if i < len(s) && s[i].from <= offset {
		return s[i].reportedState
	}
	return reportedState{}
}

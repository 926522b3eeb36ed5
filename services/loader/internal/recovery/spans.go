package recovery

import (
	"cmp"
	"slices"
	"time"
)

// state is what reports tell of an offset: its fate, whose intents made it
// ambiguous, and how long a request may still be applied.
type state struct {
	fate   Fate
	holder string
	open   time.Duration
}

// several is the holder of an offset that more than one wrote an intent for.
const several = "*"

// after returns the state that follows s when a report says next. An outcome is final.
// A withdrawal takes back the intents of its own holder only: a loader that does not
// know that it lost the partition cannot withdraw what the next owner has in flight.
func (s state) after(next state) state {
	switch {
	case next.fate == Done && s.fate == Ambiguous && s.holder != several:
		return next // the receipt tells of all requests of this one holder
	case s.fate == Done || next.fate == Done:
		return state{fate: Done, open: max(s.open, next.open)}
	case s.fate == Fresh && next.fate == Fresh:
		return state{open: max(s.open, next.open)}
	case s.fate == Fresh:
		next.open = max(s.open, next.open)
		return next
	case next.fate == Ambiguous:
		if s.holder != next.holder {
			next.holder = several
		}
		next.open = max(s.open, next.open)
		return next
	case s.holder == next.holder:
		return state{open: next.open}
	}
	return s
}

// span is a run of offsets with one state.
type span struct {
	from, to int64
	state
}

// spans are in the order of their offsets and do not overlap. Neighbours of one state
// are merged, so that their memory grows with the gaps between uploads and not with the
// records: after a group is rewound by a month, a month of reports is read.
type spans []span

// set takes in what a report tells of the offsets from from to to.
func (s *spans) set(from, to int64, told state) {
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
		fresh.add(span{old.from, min(old.to, from-1), old.state})
		fresh.add(span{at, min(old.from-1, to), state{}.after(told)})
		fresh.add(span{max(old.from, from), min(old.to, to), old.after(told)})
		at = max(at, min(old.to, to)+1)
		fresh.add(span{max(old.from, to+1), old.to, old.state})
	}
	fresh.add(span{at, to, state{}.after(told)})
	*s = slices.Replace(*s, first, next, fresh...)
}

// add appends a span that may be empty.
func (s *spans) add(sp span) {
	if sp.from > sp.to {
		return
	}
	if n := len(*s); n > 0 && (*s)[n-1].to+1 == sp.from && (*s)[n-1].state == sp.state {
		(*s)[n-1].to = sp.to
		return
	}
	*s = append(*s, sp)
}

// at is what is known of an offset.
func (s spans) at(offset int64) state {
	i, _ := slices.BinarySearchFunc(s, offset, func(sp span, offset int64) int { return cmp.Compare(sp.to, offset) })
	if i < len(s) && s[i].from <= offset {
		return s[i].state
	}
	return state{}
}

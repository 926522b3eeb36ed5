package recovery

import (
	"cmp"
	"slices"
)

// span is a run of offsets with one fate.
type span struct {
	from, to int64
	fate     Fate
}

// spans are in the order of their offsets and do not overlap. Neighbours of one
// fate are one span, so that what they take grows with the gaps between uploads
// and not with the records: whoever rewinds a group by a month reads a month of
// reports.
type spans []span

// set gives the offsets from from to to a fate, but for those that are done: an
// outcome is final.
func (s *spans) set(from, to int64, fate Fate) {
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
		if old.from < from {
			fresh.add(span{old.from, min(old.to, from-1), old.fate})
		}
		if old.fate == Done {
			fresh.add(span{at, min(old.from-1, to), fate})
			fresh.add(span{max(old.from, from), min(old.to, to), Done})
			at = max(at, min(old.to, to)+1)
		}
		if old.to > to {
			fresh.add(span{at, to, fate})
			at = to + 1
			fresh.add(span{max(old.from, to+1), old.to, old.fate})
		}
	}
	fresh.add(span{at, to, fate})
	*s = slices.Replace(*s, first, next, fresh...)
}

// add appends a span that may be empty.
func (s *spans) add(sp span) {
	if sp.from > sp.to {
		return
	}
	if n := len(*s); n > 0 && (*s)[n-1].to+1 == sp.from && (*s)[n-1].fate == sp.fate {
		(*s)[n-1].to = sp.to
		return
	}
	*s = append(*s, sp)
}

// at is the fate of an offset.
func (s spans) at(offset int64) Fate {
	i, _ := slices.BinarySearchFunc(s, offset, func(sp span, offset int64) int { return cmp.Compare(sp.to, offset) })
	if i < len(s) && s[i].from <= offset {
		return s[i].fate
	}
	return Fresh
}

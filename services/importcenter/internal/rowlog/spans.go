package rowlog

import (
	"slices"

	"tapline.dev/schemas"
)

// spans are offsets of one partition: intervals in ascending order that neither overlap
// nor touch, both ends inclusive.
type spans []span

type span struct{ from, to int64 }

// reaching is the index of the first interval that ends at the offset or later.
func (s spans) reaching(offset int64) int {
	i, _ := slices.BinarySearchFunc(s, offset, func(s span, offset int64) int {
		if s.to < offset {
			return -1
		}
		return 1
	})
	return i
}

func (s spans) has(offset int64) bool {
	i := s.reaching(offset)
	return i < len(s) && s[i].from <= offset
}

// take adds a range and returns the offsets of it that were not there.
func (s *spans) take(r schemas.Range) (fresh []span) {
	if r.To < r.From {
		return nil
	}
	from := r.From
	for _, in := range (*s)[s.reaching(r.From):] {
		if in.from > r.To {
			break
		}
		if in.from > from {
			fresh = append(fresh, span{from, in.from - 1})
		}
		from = in.to + 1
	}
	if from <= r.To {
		fresh = append(fresh, span{from, r.To})
	}
	s.join(r)
	return fresh
}

// join adds a range. Offsets between the record before it (Prev) and its first one are
// markers of transactions: they are added too, so that what follows upon another is one
// interval and the memory stays small.
func (s *spans) join(r schemas.Range) {
	from, to := r.From, r.To
	if s.has(r.Prev) {
		from = min(from, r.Prev+1)
	}
	first := s.reaching(from - 1)
	last := first
	for ; last < len(*s) && (*s)[last].from <= to+1; last++ {
		from, to = min(from, (*s)[last].from), max(to, (*s)[last].to)
	}
	*s = slices.Replace(*s, first, last, span{from, to})
}

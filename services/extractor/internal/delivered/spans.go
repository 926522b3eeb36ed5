package delivered

import (
	"slices"

	"tapline.dev/schemas"
)

// spans are offsets of one partition: intervals in ascending order that neither
// overlap nor touch, both ends inclusive.
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

func (s spans) count() (n int64) {
	for _, in := range s {
		n += in.to - in.from + 1
	}
	return n
}

func (s spans) add(from, to int64) spans {
	first := s.reaching(from - 1) // an interval that ends just before is continued
	last := first
	for ; last < len(s) && s[last].from <= to+1; last++ {
		from, to = min(from, s[last].from), max(to, s[last].to)
	}
	return slices.Replace(s, first, last, span{from, to})
}

func (s spans) remove(from, to int64) spans {
	first := s.reaching(from)
	last := first
	var left []span
	for ; last < len(s) && s[last].from <= to; last++ {
		if s[last].from < from {
			left = append(left, span{s[last].from, from - 1})
		}
		if s[last].to > to {
			left = append(left, span{to + 1, s[last].to})
		}
	}
	return slices.Replace(s, first, last, left...)
}

// of are the offsets of a report's ranges.
func of(ranges []schemas.Range) (s spans) {
	for _, r := range ranges {
		if r.To >= r.From {
			s = s.add(r.From, r.To)
		}
	}
	return s
}

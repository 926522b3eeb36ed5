package fold

import (
	"cmp"
	"slices"

	"tapline.dev/schemas"
)

// offsets are offset intervals in ascending order that do not overlap, both ends
// inclusive. Every offset in them is the offset of a record.
type offsets []span

type span struct{ from, to int64 }

func (o offsets) count() int64 {
	n := int64(0)
	for _, s := range o {
		n += s.to - s.from + 1
	}
	return n
}

func (o offsets) has(offset int64) bool {
	_, found := slices.BinarySearchFunc(o, offset, func(s span, offset int64) int {
		switch {
		case s.to < offset:
			return -1
		case s.from > offset:
			return 1
		}
		return 0
	})
	return found
}

// countOffsets adds ranges to the partition's counted ranges, the offsets that have an
// outcome. It returns the new offsets among them, and the number of all.
func countOffsets(p *schemas.FoldPartition, ranges []schemas.Range) (offsets, int64) {
	var fresh offsets
	total := int64(0)
	for _, r := range ranges {
		if r.To < r.From {
			continue
		}
		total += r.To - r.From + 1
		fresh = append(fresh, uncounted(p.CountedRanges, r)...)
		p.CountedRanges = join(p.CountedRanges, r)
	}
	slices.SortFunc(fresh, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return fresh, total
}

// uncounted returns the offsets of r that are in none of the counted ranges.
func uncounted(counted []schemas.Range, r schemas.Range) offsets {
	var out offsets
	from := r.From
	for _, t := range counted[firstEndingAt(counted, r.From):] {
		if t.From > r.To {
			break
		}
		if t.From > from {
			out = append(out, span{from, t.From - 1})
		}
		from = t.To + 1
	}
	if from <= r.To {
		out = append(out, span{from, r.To})
	}
	return out
}

// join adds r to ranges that are in ascending order and do not overlap, and merges
// it with the ranges that overlap it or are adjacent to it. Two ranges are adjacent
// when the record before one of them (Prev) lies in the other: only transaction
// markers are between them.
func join(counted []schemas.Range, r schemas.Range) []schemas.Range {
	first := firstEndingAt(counted, r.From)
	last := first
	for last < len(counted) && (counted[last].From <= r.To || within(r, counted[last].Prev)) {
		last++
	}
	if first > 0 && within(counted[first-1], r.Prev) {
		first--
	}
	for _, t := range counted[first:last] {
		if t.From < r.From || (t.From == r.From && t.Prev > r.Prev) {
			r.Prev = t.Prev
		}
		r.From, r.To = min(r.From, t.From), max(r.To, t.To)
	}
	return slices.Replace(counted, first, last, r)
}

func within(r schemas.Range, offset int64) bool { return r.From <= offset && offset <= r.To }

// firstEndingAt is the index of the first range that ends at the offset or later.
func firstEndingAt(counted []schemas.Range, offset int64) int {
	i, _ := slices.BinarySearchFunc(counted, offset, func(t schemas.Range, offset int64) int {
		if t.To < offset {
			return -1
		}
		return 1
	})
	return i
}

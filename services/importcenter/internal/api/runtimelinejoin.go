package api

import (
	"cmp"
	"slices"
	"time"
)

// maxSpans bounds how many spans a lane has: a reader sees no more of them.
const maxSpans = 200

// joined joins the spans of a lane between which little time passes, so that a lane has
// few, however long the run was.
func joined(spans []RunSpent, took time.Duration) []RunSpent {
	byLane := map[string][]RunSpent{}
	for _, s := range spans {
		s.From, s.To = s.From.UTC(), s.To.UTC()
		byLane[s.Lane] = append(byLane[s.Lane], s)
	}
	out := []RunSpent{}
	for _, lane := range byLane {
		slices.SortStableFunc(lane, func(a, b RunSpent) int { return a.From.Compare(b.From) })
		gap := max(took/maxSpans, time.Millisecond)
		short := joinedBy(lane, gap, true)
		for ; len(short) > maxSpans; gap *= 2 {
			short = joinedBy(lane, gap, gap <= took)
		}
		out = append(out, short...)
	}
	slices.SortStableFunc(out, func(a, b RunSpent) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Lane, b.Lane))
	})
	return out
}

// joinedBy joins spans that are gap apart at most; with apart, those of different texts
// stay apart.
func joinedBy(lane []RunSpent, gap time.Duration, apart bool) []RunSpent {
	var out []RunSpent
	for _, s := range lane {
		n := len(out) - 1
		if n < 0 || s.From.Sub(out[n].To) > gap || apart && s.Text != out[n].Text {
			out = append(out, s)
			continue
		}
		out[n].Count += s.Count
		if s.To.After(out[n].To) {
			out[n].To = s.To
		}
	}
	return out
}

// Package nearest finds the known name that a mistyped one was meant to be.
package nearest

import (
	"iter"
	"strings"
)

// maxLength bounds what is compared: the work grows with the product of lengths.
const maxLength = 256

// Name returns the known name that is nearest to name, case apart, or "" if none
// is within a third of its length. Of equally near ones it is the first in
// alphabetical order.
func Name(name string, known iter.Seq[string]) string {
	if len(name) > maxLength {
		return ""
	}
	best, bestDistance := "", len(name)/3+1
	for candidate := range known {
		if len(candidate) > maxLength {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if d < bestDistance || d == bestDistance && (best == "" || candidate < best) {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// Question is "; did you mean X?", or "" if no known name is near.
func Question(name string, known iter.Seq[string]) string {
	if best := Name(name, known); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// distance is the Levenshtein distance, in which a swap of two neighbouring
// letters is one edit.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

package fold

import (
	"maps"
	"slices"

	"tapline.dev/schemas"
)

// Taken is how many rejects a replay has taken in all its attempts, and which it has
// refused: each attempt looks at all that were selected, so that the newest one's count
// stands for all.
func Taken(f *schemas.Fold) (taken int64, refused map[string]int64) {
	for _, attempt := range slices.Sorted(maps.Keys(f.Attempts)) {
		e := f.Attempts[attempt]
		taken += e.Taken
		if e.Refused != nil {
			refused = maps.Clone(e.Refused)
		}
	}
	return taken, refused
}

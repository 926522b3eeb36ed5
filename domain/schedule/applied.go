package schedule

import (
	"time"

	"tapline.dev/schemas"
)

// Applied is the calendar of an applied import, and the instant up to which its due
// instants have been acted on. A schedule is in force from when it was applied. Edits
// of other fields do not change that: an instant that fell due while no scheduler ran
// is still acted on.
func Applied(def schemas.Definition, state schemas.State) (cal Calendar, after time.Time) {
	spec := def.Spec
	cal = Calendar{Schedules: spec.Schedules, Zone: spec.Timezone, Start: spec.Start, End: spec.End, Anchor: def.AppliedAt}
	after = def.AppliedAt
	if state.Anchor != nil {
		cal.Anchor = *state.Anchor
	}
	if state.ScheduleSince != nil {
		after = *state.ScheduleSince
	}
	if due := state.LastDue; due != nil && due.After(after) {
		after = *due
	}
	return cal, after
}

// Past returns the newest due instants after the given one and not after now, at most
// n, oldest first.
func (c Calendar) Past(after, now time.Time, n int) ([]time.Time, error) {
	for i, d := range lookBack {
		from := now.Add(-d)
		if from.Before(after) || i == len(lookBack)-1 {
			from = after
		}
		var found []time.Time
		for at := from; ; {
			due, ok, err := c.Next(at)
			if err != nil {
				return nil, err
			}
			if !ok || due.After(now) {
				break
			}
			found, at = append(found, due), due
		}
		if len(found) >= n || from.Equal(after) {
			return found[max(0, len(found)-n):], nil
		}
	}
	return nil, nil
}

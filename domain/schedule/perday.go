package schedule

import "time"

// PerDay is how many instants a day are due after the given one: those of a week, or, if
// there are more, the first fifty, divided by the days that they take.
func (c Calendar) PerDay(after time.Time) float64 {
	const (
		most = 50
		day  = 24 * time.Hour
		week = 7 * day
	)
	at, n := after, 0
	for n < most {
		due, ok, err := c.Next(at)
		if err != nil || !ok || due.Sub(after) > week {
			return float64(n) / float64(week/day)
		}
		at, n = due, n+1
	}
	return float64(n) / (float64(at.Sub(after)) / float64(day))
}

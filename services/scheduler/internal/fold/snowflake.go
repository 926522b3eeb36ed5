package fold

import (
	"math"

	"tapline.dev/schemas"
)

// CountSnowflake records what an attempt's statements have used so far, and returns how
// many seconds of execution that is more than before.
func CountSnowflake(f *schemas.Fold, attempt int, u schemas.SnowflakeUse) float64 {
	known := f.Snowflake[attempt]
	if !(u.ExecutionSeconds >= known.ExecutionSeconds) || math.IsInf(u.ExecutionSeconds, 0) {
		return 0
	}
	if f.Snowflake == nil {
		f.Snowflake = map[int]schemas.SnowflakeUse{}
	}
	f.Snowflake[attempt] = u
	return u.ExecutionSeconds - known.ExecutionSeconds
}

// Snowflake sums up what the statements of all attempts have used, nil if nothing is
// known.
func Snowflake(f *schemas.Fold) *schemas.SnowflakeUse {
	if len(f.Snowflake) == 0 {
		return nil
	}
	var sum schemas.SnowflakeUse
	for _, u := range f.Snowflake {
		sum = sum.Plus(u)
	}
	if loaded := Counts(f).Loaded; loaded > 0 {
		sum.SecondsPerThousand = sum.ExecutionSeconds * 1000 / float64(loaded)
	}
	return &sum
}

package schemas

import (
	"fmt"
	"time"
)

// instantLayout is the spelling of every watermark, clock and maximum: UTC or
// the column's own zone-less time, nine fractional digits, so that equal widths
// make text order time order.
const instantLayout = "2006-01-02T15:04:05.000000000"

// FormatInstant writes t as a watermark.
func FormatInstant(t time.Time) string { return t.UTC().Format(instantLayout) }

// ParseInstant reads a watermark.
func ParseInstant(s string) (time.Time, error) {
	t, err := time.ParseInLocation(instantLayout, s, time.UTC)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not an instant with nine fractional digits", s)
	}
	return t, nil
}

// NextWatermark is the watermark after a run that read from watermark, whose clock
// was clock, whose highest cursor at or before the clock was maximum ("" when
// no row had one), under the given lookback.
//
// Invariant 2: the result is max(watermark, min(clock, maximum) - lookback): it
// never passes clock - lookback and never moves backwards. Subtracting from the
// data rather than from the clock alone keeps late rows within reach when the
// lookback was guessed too small on a quiet table.
func NextWatermark(watermark, clock, maximum string, lookback time.Duration) (string, error) {
	if maximum == "" {
		return watermark, nil
	}
	low := min(clock, maximum)
	t, err := ParseInstant(low)
	if err != nil {
		return "", err
	}
	t = t.Add(-lookback)
	if t.Year() < 1 {
		t = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return max(watermark, FormatInstant(t)), nil
}

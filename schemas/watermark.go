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

// ParseCursorInstant reads a place in the order of a cursor as a person writes it and
// returns how commands and states hold it. With a zone, as in 2026-11-01T00:00:00Z, it
// is an instant, whatever the cursor's type, and the result ends in Z. Without one, as
// in 2026-11-01 or 2026-11-01T00:00:00, it is what the cursor's own values show: the
// wall clock of a TIMESTAMP_NTZ or DATE, UTC of the others.
func ParseCursorInstant(s string) (string, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil && t.UTC().Year() > 0 && t.UTC().Year() < 10000 {
		return FormatInstant(t) + "Z", nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04:05", "2006-01-02T15:04:05.999999999"} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return FormatInstant(t), nil
		}
	}
	return "", fmt.Errorf("%q is no instant such as 2026-11-01T00:00:00Z, and no cursor value such as 2026-11-01 or 2026-11-01T00:00:00", s)
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

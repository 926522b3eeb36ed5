package values

import (
	"fmt"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// ToNTZ returns the wall-clock time of a value: of a TIMESTAMP_LTZ in the session's zone, of
// a TIMESTAMP_TZ or a text at its own offset.
func (c *Converter) ToNTZ(a []string, logical string, nanoseconds bool) (time.Time, error) {
	format := a[2]
	if format == "" && FamilyOf(a[0]) == FamilyText {
		format = c.Settings(a[3]).InputFormat(logical)
	}
	at, err := ToClock(a[0], a[1], format)
	if err != nil {
		return time.Time{}, err
	}
	if FamilyOf(a[0]) == FamilyInstant {
		if at, err = c.ToInstant(a[0], a[1], a[2], a[3]); err != nil {
			return time.Time{}, err
		}
	}
	t := at.Local()
	if nanoseconds && (t.Year() < 1678 || t.Year() > 2261) {
		return t, sferr.Coded("100051", "22003", "The sandbox holds TIMESTAMP_NTZ(9) as nanoseconds of 1678 to 2261; declare the column with precision 6 or less for other years")
	}
	return t, nil
}

// ToTime returns the time of day of a value.
func (c *Converter) ToTime(a []string) (any, error) {
	text := a[1]
	switch FamilyOf(a[0]) {
	case FamilyTime, FamilyText:
		format := a[2]
		if format == "" {
			format = c.Settings(a[3]).InputFormat("TIME")
		}
		if FamilyOf(a[0]) == FamilyText && format != "" {
			at, err := ToClock(a[0], text, format)
			if err != nil {
				return nil, err
			}
			text = at.Time().Format("15:04:05.000000000")
		}
		h, m, s, n, ok := ReadTime(text)
		if !ok {
			return nil, sferr.Coded("100108", "22007", "Time '"+text+"' is not recognized")
		}
		return fmt.Sprintf("%02d:%02d:%02d.%09d", h, m, s, n), nil
	case FamilyClock, FamilyInstant:
		t, err := c.ToNTZ([]string{a[0], a[1], "", a[3]}, "TIMESTAMP", false)
		return t.Format("15:04:05.000000000"), err
	}
	return nil, sferr.Coded("001044", "42P13", "Invalid argument types for function 'TO_TIME'")
}

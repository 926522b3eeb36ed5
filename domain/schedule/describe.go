package schedule

import (
	"fmt"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// ByHand is the description of an import without schedules.
const ByHand = "by hand"

// Describe says in a few words when an import is due, for a listing.
func Describe(schedules []schemas.Schedule, zone string) string {
	if len(schedules) == 0 {
		return ByHand
	}
	parts := make([]string, len(schedules))
	for i, s := range schedules {
		parts[i] = describe(s, zone)
	}
	return strings.Join(parts, "; ")
}

func describe(s schemas.Schedule, zone string) string {
	if s.Timezone != "" {
		zone = s.Timezone
	}
	if zone == "" {
		zone = "UTC"
	}
	times := strings.Join(s.Times, ", ")
	switch {
	case s.Every != 0:
		return "every " + s.Every.String()
	case s.At != nil:
		return "once at " + s.At.UTC().Format(time.RFC3339)
	case s.Cron != "":
		return fmt.Sprintf("cron %s (%s)", s.Cron, zone)
	case len(s.DaysOfWeek) > 0:
		return fmt.Sprintf("%s at %s (%s)", strings.Join(s.DaysOfWeek, ", "), times, zone)
	default:
		names := make([]string, len(s.DaysOfMonth))
		for i, day := range s.DaysOfMonth {
			names[i] = fmt.Sprint(int(day))
			if day == schemas.LastDay {
				names[i] = "last"
			}
		}
		return fmt.Sprintf("day %s of the month at %s (%s)", strings.Join(names, ", "), times, zone)
	}
}

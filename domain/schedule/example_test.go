package schedule_test

import (
	"fmt"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// A calendar tells when an import is due; wall times follow their zone.
func ExampleCalendar_Next() {
	calendar := schedule.Calendar{
		Schedules: []schemas.Schedule{{DaysOfWeek: []string{"mon"}, Times: []string{"09:00"}, Timezone: "Europe/Berlin"}},
	}
	due, ok, err := calendar.Next(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	fmt.Println(due.UTC(), ok, err)
	// Output: 2026-11-30 08:00:00 +0000 UTC true <nil>
}

// Validate says what to write.
func ExampleValidate() {
	fmt.Println(schedule.Validate([]schemas.Schedule{{Cron: "0 9 * * 7"}, {Cron: "0 9 30 2 *"}}, "UTC"))
	// Output:
	// schedules[0]: cron "0 9 * * 7": write 0 or sun for Sunday; the days of the week are 0 to 6
	// schedules[1]: cron "0 9 30 2 *" is never due: no month that it names has such a day; write another day of month or month
}

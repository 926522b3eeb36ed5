package schedule_test

import (
	"math"
	"testing"
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

func TestPerDay(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		schedules []schemas.Schedule
		want      float64
	}{
		"none":             {nil, 0},
		"every 6 hours":    {[]schemas.Schedule{{Every: schemas.Duration(6 * time.Hour)}}, 4},
		"every 15 minutes": {[]schemas.Schedule{{Every: schemas.Duration(15 * time.Minute)}}, 96},
		"twice a week":     {[]schemas.Schedule{{DaysOfWeek: []string{"mon", "thu"}, Times: []string{"09:00"}}}, 2.0 / 7},
		"a cron":           {[]schemas.Schedule{{Cron: "0 9 * * *"}}, 1},
	} {
		if got := (schedule.Calendar{Schedules: c.schedules, Anchor: monday}).PerDay(monday); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

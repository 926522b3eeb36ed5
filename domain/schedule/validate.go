package schedule

import (
	"errors"
	"fmt"

	"tapline.dev/schemas"
)

// Validate reports everything that is wrong with schedules; zone is the
// import's own.
func Validate(schedules []schemas.Schedule, zone string) error {
	var errs []error
	for i, s := range schedules {
		for _, err := range problems(s, zone) {
			errs = append(errs, fmt.Errorf("schedules[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func problems(s schemas.Schedule, zone string) []error {
	var errs []error
	if err := check(s); err != nil {
		return []error{err}
	}
	if _, err := location(s, zone); err != nil {
		errs = append(errs, err)
	}
	switch {
	case s.Cron != "":
		if err := checkCron(s.Cron); err != nil {
			errs = append(errs, err)
		}
	case len(s.DaysOfWeek)+len(s.DaysOfMonth) > 0:
		if _, err := newDays(s); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// check reports a schedule that is not exactly one of its kinds.
func check(s schemas.Schedule) error {
	kinds := 0
	for _, set := range []bool{s.Every != 0, len(s.DaysOfWeek) > 0, len(s.DaysOfMonth) > 0, s.Cron != "", s.At != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return errors.New("a schedule is exactly one of every, daysOfWeek, daysOfMonth, cron and at")
	case s.Every != 0 && s.Every.Std() < MinEvery:
		return fmt.Errorf("every: must be at least %s", MinEvery)
	case len(s.Times) > 0 && len(s.DaysOfWeek)+len(s.DaysOfMonth) == 0:
		return errors.New("times: belong to daysOfWeek or daysOfMonth")
	case s.Timezone != "" && (s.Every != 0 || s.At != nil):
		return errors.New("timezone: every and at know no zone")
	}
	return nil
}

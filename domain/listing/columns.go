package listing

import (
	"time"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// Partner is the warehouse that imports read from: there is one kind.
const Partner = "Snowflake"

// Frequencies of an import, in CleverTap's words.
const (
	RepeatIntervals = "repeatIntervals"
	CustomSchedule  = "customSchedule"
	Manual          = "manual"
)

// Frequency is the kind of an import's schedules. An instant (at) alone is Manual, as
// CleverTap's "Run on a Specific Date".
func Frequency(schedules []schemas.Schedule) string {
	frequency := Manual
	for _, s := range schedules {
		switch {
		case s.Every != 0:
			return RepeatIntervals
		case s.At == nil:
			frequency = CustomSchedule
		}
	}
	return frequency
}

// Complete adds to a listing the columns that follow from the definition, the state
// and the time.
func Complete(l *schemas.Listing, d schemas.Definition, s schemas.State, now time.Time) {
	l.Partner, l.Datasource, l.Account = Partner, d.Spec.Source.ConnectionRef, d.Spec.Destination.AccountRef
	l.Frequency = Frequency(d.Spec.Schedules)
	l.Owner, l.Labels = d.Metadata.Owner, d.Metadata.Labels
	l.CreatedAt, l.CreatedBy = created(d, s), d.CreatedBy
	l.UpdatedAt, l.UpdatedBy = instantOf(d.AppliedAt), d.AppliedBy
	if at, ok := WatermarkTime(l.Watermark); ok {
		seconds := max(now.Sub(at).Seconds(), 0)
		l.FreshnessSeconds = &seconds
	}
	missed := missedBy(l, d, s, now)
	l.Late = instantOf(missed)
	l.Condition, l.ConditionReason = condition(l, d, s, missed)
}

// created is when the import was first applied. Definitions that do not say it are as
// old as what their intervals count from.
func created(d schemas.Definition, s schemas.State) *time.Time {
	if !d.CreatedAt.IsZero() {
		return &d.CreatedAt
	}
	if s.Anchor != nil {
		return s.Anchor
	}
	return instantOf(d.AppliedAt)
}

func instantOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// WatermarkTime is the instant of a watermark. A cursor of another kind has none.
func WatermarkTime(watermark string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", time.RFC3339Nano} {
		if at, err := time.Parse(layout, watermark); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// missedBy is the due instant by which a run should have succeeded and none has, zero
// if there is none. A run may begin until the next instant is due, or for an hour after
// the last one.
func missedBy(l *schemas.Listing, d schemas.Definition, s schemas.State, now time.Time) time.Time {
	if s.Paused || s.Stopped || d.Spec.Draft || len(d.Spec.Schedules) == 0 {
		return time.Time{}
	}
	since := d.AppliedAt
	if s.ScheduleSince != nil {
		since = *s.ScheduleSince
	}
	cal, _ := schedule.Applied(d, s)
	past, err := cal.Past(since, now, 2)
	if err != nil || len(past) == 0 {
		return time.Time{}
	}
	oldest, newest := past[0], past[len(past)-1]
	if len(past) == 1 && now.Sub(newest) < lastGrace {
		return time.Time{}
	}
	if next, ok, err := cal.Next(newest); len(past) == 1 && err == nil && ok && next.After(now) {
		return time.Time{}
	}
	for _, skipped := range s.SkippedDue {
		if !oldest.Before(skipped.From) && !oldest.After(skipped.To) {
			return time.Time{} // deliberately
		}
	}
	if l.LastSuccessAt != nil && !l.LastSuccessAt.Before(oldest) {
		return time.Time{}
	}
	return oldest
}

// lastGrace is how long the run of an instant that none follows may take.
const lastGrace = time.Hour

// Late is the due instant by which a run should have succeeded and none has, zero if the
// import is on time.
func Late(d schemas.Definition, s schemas.State, now time.Time) time.Time {
	l := schemas.Listing{}
	if s.LastSucceeded != nil {
		l.LastSuccessAt = &s.LastSucceeded.StartedAt
	}
	return missedBy(&l, d, s, now)
}

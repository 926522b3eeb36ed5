package whylate

import (
	"fmt"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// maxPast bounds how many due instants are looked at: of more, the earliest of the newest
// is taken.
const maxPast = 1000

// unmet is the earliest due instant for which no run has succeeded, zero if there is none.
// One that was skipped on purpose needs no run.
func unmet(d schemas.Definition, s schemas.State, now time.Time) time.Time {
	if d.Spec.Draft || s.Stopped || s.Paused || len(d.Spec.Schedules) == 0 {
		return time.Time{}
	}
	since := d.AppliedAt
	if s.ScheduleSince != nil {
		since = *s.ScheduleSince
	}
	cal, _ := schedule.Applied(d, s)
	past, err := cal.Past(since, now, maxPast)
	if err != nil {
		return time.Time{}
	}
	for _, at := range past {
		if s.LastSucceeded != nil && !s.LastSucceeded.StartedAt.Before(at) || skipped(s, at) {
			continue
		}
		return at
	}
	return time.Time{}
}

func skipped(s schemas.State, at time.Time) bool {
	for _, span := range s.SkippedDue {
		if !at.Before(span.From) && !at.After(span.To) {
			return true
		}
	}
	return false
}

// idle explains an import of which no run goes on.
func (f Facts) idle(due time.Time) []Cause {
	name, s := f.Definition.Metadata.Name, f.State
	switch {
	case f.Definition.Spec.Draft:
		return []Cause{{Code: CodeDraft, Stage: StageSchedule, Text: "the definition is a draft: nothing is due until it is applied without spec.draft", Next: "tapline edit " + name}}
	case s.Stopped:
		return []Cause{{Code: CodeStopped, Stage: StageSchedule, Text: "a person has stopped the import: nothing runs until it is resumed", Next: "tapline resume " + name}}
	case s.Paused:
		return []Cause{{Code: CodePaused, Stage: StageSchedule, Text: "a person has paused the import: nothing runs until it is resumed", Next: "tapline resume " + name}}
	}
	var out []Cause
	if s.Queued != nil {
		out = append(out, f.queued()...)
	}
	cal, acted := schedule.Applied(f.Definition, s)
	next, more, err := cal.Next(acted)
	switch {
	case err != nil || s.Queued != nil:
	case len(f.Definition.Spec.Schedules) == 0:
		out = append(out, Cause{Code: CodeUnscheduled, Stage: StageSchedule, Text: "the import has no schedule: it runs when somebody asks for a run", Next: "tapline run " + name})
	case more && !next.After(f.Now):
		out = append(out, f.notActedOn(next)...)
	default:
		out = append(out, f.failedBefore(due)...)
		text := "nothing is due any more: the schedules have no further instant"
		if more {
			text = "the next run is due at " + at(next) + ", in " + span(next.Sub(f.Now))
		}
		out = append(out, Cause{Code: CodeNotDue, Stage: StageSchedule, Text: text, Next: "tapline run " + name})
	}
	return out
}

// failedBefore is why the due instant was not met by the run that stood for it.
func (f Facts) failedBefore(due time.Time) []Cause {
	last := f.State.LastEnded
	if due.IsZero() || last == nil || listing.Succeeded(last.State) {
		return nil
	}
	text := fmt.Sprintf("%s, which was to meet it, ended as %s at %s", last.Run, last.State, at(last.Time))
	if last.Code != "" {
		text += " (" + last.Code + ")"
	}
	return []Cause{{Code: CodeRunFailed, Stage: StageSchedule, Text: text, Since: &last.Time, Next: "tapline get run " + last.Run}}
}

// notActedOn explains a due instant that has passed and of which no scheduler has taken
// notice.
func (f Facts) notActedOn(due time.Time) []Cause {
	if absent := f.absent("scheduler", f.Topics.Reports(), StageSchedule, due); absent != nil {
		return []Cause{*absent}
	}
	return []Cause{{
		Code: CodeNotActedOn, Stage: StageSchedule, Since: &due,
		Text: "the instant " + at(due) + " has passed and the scheduler has not acted on it for " + span(f.Now.Sub(due)),
		Next: "look at the scheduler's log, and at its clock (tapline doctor)",
	}}
}

// queued says behind what a queued run waits.
func (f Facts) queued() []Cause {
	q, since := f.State.Queued, f.State.Queued.Time
	name := f.Definition.Metadata.Name
	behind := Behind(f.Definition, f.State, f.Others)
	cause := Cause{Code: CodeQueued, Stage: StageSchedule, Since: &since}
	if behind == "" {
		absent := f.absent("scheduler", f.Topics.Reports(), StageSchedule, since)
		if absent == nil {
			cause.Text, cause.Next = "a run is queued since "+at(since)+" and nothing is known that it waits for", "tapline get runs --import "+name
			return []Cause{cause}
		}
		return []Cause{*absent}
	}
	cause.Text = "a run (" + why(q) + ") is queued since " + at(since) + " behind " + behind
	cause.Next = "tapline get runs --import " + name
	return []Cause{cause}
}

func why(q *schemas.QueuedRun) string {
	if q.Cause == schemas.CauseSchedule && q.Due != nil {
		return "due at " + at(*q.Due)
	}
	if q.Actor != "" {
		return "asked for by " + q.Actor
	}
	return "asked for"
}

// Behind says what an import's queued run waits for: its active run, or an import that it
// comes after. It is "" if nothing of that kind is known.
func Behind(d schemas.Definition, s schemas.State, others map[string]schemas.State) string {
	if s.Queued == nil {
		return ""
	}
	if a := s.Active; a != nil {
		return a.Run + ", which is " + a.State + " since " + at(a.StartedAt)
	}
	for _, name := range d.Spec.After {
		other := others[name]
		switch {
		case other.Active != nil && other.Active.HeldBecause != nil:
			return other.Active.Run + ", which it comes after and which waits for a person"
		case other.Active != nil:
			return other.Active.Run + ", which it comes after and which is " + other.Active.State + " since " + at(other.Active.StartedAt)
		case other.Queued != nil:
			return "a queued run of " + name + ", which it comes after"
		case other.LastEnded != nil && !listing.Succeeded(other.LastEnded.State):
			return name + ", which it comes after: " + other.LastEnded.Run + " ended as " + other.LastEnded.State
		}
	}
	return ""
}

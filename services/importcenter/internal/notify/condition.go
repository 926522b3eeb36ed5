package notify

import (
	"fmt"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// condition is the condition of an import, the most urgent one: a failure before a hold,
// and both before mere lateness, of which they are the cause.
func condition(d schemas.Definition, s schemas.State, now time.Time) string {
	switch {
	case d.Spec.Draft || s.Stopped || s.Paused:
		return schemas.NotifyOK // as somebody wants it
	case s.Active != nil && s.Active.State == schemas.StateHeld:
		return schemas.NotifyHeld
	case s.LastEnded != nil && s.LastEnded.State == schemas.StateFailed:
		return schemas.NotifyFailing
	case !listing.Late(d, s, now).IsZero():
		return schemas.NotifyLate
	}
	return schemas.NotifyOK
}

// notice describes a change without the cause of lateness, which takes reading.
func notice(d schemas.Definition, s schemas.State, now time.Time, before schemas.Notified, condition string) schemas.Notice {
	name := d.Metadata.Name
	n := schemas.Notice{
		Import: name, Condition: condition, Before: before.Condition, Severity: schemas.Severity(d.Metadata), Owner: d.Metadata.Owner, Time: now.UTC(),
		Figures: schemas.NoticeFigures{OpenRejects: s.OpenRejects}, Next: "tapline describe import " + name,
	}
	if !before.Since.IsZero() {
		n.Seconds = max(now.Sub(before.Since).Seconds(), 0)
	}
	if s.LastEnded != nil {
		n.Run, n.Figures.Read = s.LastEnded.Run, s.LastEnded.Read
	}
	if s.LastSucceeded != nil {
		n.Figures.LastSuccess = &s.LastSucceeded.StartedAt
	}
	if due := listing.Late(d, s, now); !due.IsZero() {
		n.Figures.Due, n.Figures.LateSeconds = &due, now.Sub(due).Seconds()
	}
	switch condition {
	case schemas.NotifyHeld:
		h := s.Active.HeldBecause
		n.Run, n.Next = s.Active.Run, "tapline get run "+s.Active.Run+", then tapline approve or tapline decline"
		n.Cause = s.Active.Run + " waits for a person"
		if h != nil {
			n.Code, n.Figures.HeldRecords = h.Code, h.Records
			n.Cause += ": " + h.Reason
		}
	case schemas.NotifyFailing:
		n.Code, n.Next = s.LastEnded.Code, "tapline get run "+s.LastEnded.Run
		n.Cause = fmt.Sprintf("%s failed at %s", s.LastEnded.Run, s.LastEnded.Time.UTC().Format(time.RFC3339))
		if n.Code != "" {
			n.Cause += " (" + n.Code + ")"
		}
	case schemas.NotifyLate:
		n.Next = "tapline why-late " + name
		n.Cause = "no run has succeeded for the instant " + n.Figures.Due.UTC().Format(time.RFC3339)
	default:
		n.Cause = "no longer " + before.Condition
		if s.LastSucceeded != nil {
			n.Run = s.LastSucceeded.Run
			n.Cause += ": " + s.LastSucceeded.Run + " succeeded"
		}
	}
	return n
}

// beatGrace is how long after a due instant the scheduler may take to act on it. It is
// longer than a takeover takes.
const beatGrace = 5 * time.Minute

// unaccounted is an import of which a due instant has passed and nobody has acted on it:
// no run stands for it, none is queued and it was not skipped on purpose. It is "" if every
// due instant is accounted for.
func unaccounted(imports []schemas.Definition, state func(string) schemas.State, now time.Time) string {
	for _, d := range imports {
		s := state(d.Metadata.Name)
		if d.Spec.Draft || s.Paused || s.Stopped || s.Queued != nil {
			continue
		}
		cal, acted := schedule.Applied(d, s)
		if next, more, err := cal.Next(acted); err == nil && more && now.Sub(next) > beatGrace {
			return d.Metadata.Name
		}
	}
	return ""
}

package mapping

import "tapline.dev/schemas"

// CleverTap's window for campaigns that events trigger.
const (
	liveBack  = 2 * 3600
	liveAhead = 2 * 60
)

// age compares an event's time with the run's clock. An event that is older than
// the account keeps events is handled as the import's onOutsideRetention says. Of
// those that are sent it also notes which lie in the future, so that CleverTap hides
// them until their time comes, and which are recent enough to trigger campaigns.
func (b *builder) age(e *event, seconds, clock int64) fault {
	note := fault{}
	switch age := clock - seconds; {
	case e.oldest > 0 && age > e.oldest:
		note = fault{codeOutsideRetention, "the event is older than the account's dataRetention; CleverTap drops it after an answer of success"}
		if e.policy == schemas.RetentionReject || e.policy == schemas.RetentionSkip {
			b.skip = e.policy == schemas.RetentionSkip
			return note
		}
	case age < -liveAhead:
		note = fault{codeEventInFuture, "the event lies ahead of the clock; CleverTap hides it until then"}
	case age <= liveBack:
		note = fault{codeEventLive, "the event is recent enough to trigger live campaigns"}
	}
	b.noted = note.code
	if b.all && !note.none() {
		b.omitted = append(b.omitted, Reject{Code: note.code, Column: b.m.columns.names[e.tsSlot], Reason: note.reason})
	}
	return fault{}
}

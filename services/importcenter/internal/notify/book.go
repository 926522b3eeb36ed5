package notify

import (
	"fmt"
	"time"

	"tapline.dev/schemas"
)

// book is what was told of each import to each notification, as the topic holds it.
type book map[string]schemas.Notified

// decide returns what changes: the entries of notifications that are to be told something
// new. It does not change the book.
func (b book) decide(r recipient, d schemas.Definition, s schemas.State, ack *schemas.AcknowledgementSpec, now time.Time) (changed schemas.Notified, told *schemas.Notice) {
	key := schemas.NotifiedKey(r.name, d.Metadata.Name)
	before, known := b[key]
	if !known {
		before = schemas.Notified{Notification: r.name, Import: d.Metadata.Name, Condition: schemas.NotifyOK}
	}
	is := condition(d, s, now)
	if is != schemas.NotifyOK && !r.spec.Tells(is) {
		// What is not told ends what was told before, which has changed into it.
		is = schemas.NotifyOK
	}
	if is == before.Condition || is != schemas.NotifyOK && ack.Mutes(d, s, now) {
		return before, nil
	}
	n := notice(d, s, now, before, is)
	after := before
	after.Sequence++
	after.Condition, after.Since = is, now.UTC()
	n.Notification = r.name
	// The time is in the id so that one is never used twice, also after the entry was
	// deleted with its notification.
	n.ID = fmt.Sprintf("%s.%s.%d.%d", r.name, d.Metadata.Name, after.Sequence, now.UnixMilli())
	return after, &n
}

// put adds a message to an entry's outbox. If it is full, the oldest ones are left out: the
// newest tells what is now.
func put(e schemas.Notified, n schemas.Notice) schemas.Notified {
	e.Outbox = append(append([]schemas.Notice{}, e.Outbox...), n)
	if over := len(e.Outbox) - schemas.MaxOutbox; over > 0 {
		e.Outbox, e.Dropped = e.Outbox[over:], e.Dropped+over
	}
	e.Outbox[len(e.Outbox)-1].Dropped = e.Dropped
	return e
}

// taken takes a delivered message out of an entry's outbox.
func taken(e schemas.Notified, id string) schemas.Notified {
	rest := []schemas.Notice{}
	for _, n := range e.Outbox {
		if n.ID != id {
			rest = append(rest, n)
		}
	}
	e.Outbox = rest
	if len(rest) == 0 {
		e.Dropped = 0
	}
	return e
}

// recipient is a notification that can be read.
type recipient struct {
	name string
	spec schemas.NotificationSpec
}

package kafka

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Presence says whether this process is a member of its consumer group now. A member that
// joined once and lost Kafka since is none: the group may have given its partitions away.
type Presence struct {
	mu      sync.Mutex
	contact func() time.Time // of the present membership; nil without one
}

var errNoMember = errors.New("not a member of the consumer group")

// Hold begins a membership, whose newest contact with the group is given.
func (p *Presence) Hold(contact func() time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.contact = contact
}

// End ends it.
func (p *Presence) End() { p.Hold(nil) }

// Err is why the process is no member, nil if it is one. The session timeout is the
// hysteresis: as long as the group itself takes the member for alive, so does this.
func (p *Presence) Err(session time.Duration) error {
	p.mu.Lock()
	contact := p.contact
	p.mu.Unlock()
	if contact == nil {
		return errNoMember
	}
	at := contact()
	if at.IsZero() {
		return errNoMember
	}
	if silent := time.Since(at); silent > session {
		return fmt.Errorf("kafka has not answered for %s, longer than the session timeout of %s", silent.Round(time.Second), session)
	}
	return nil
}

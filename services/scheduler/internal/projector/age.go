package projector

import (
	"context"
	"time"
)

// Age is how long Redis has not shown all that the log says; 0 if it shows all.
func (p *Projector) Age() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.behind.since.IsZero() {
		return 0
	}
	return time.Since(p.behind.since)
}

// behind is from when on Redis does not show all that the log says.
type behind struct {
	since   time.Time // when the oldest change came that Redis does not show yet; zero if it shows all
	changed time.Time // the oldest change since the write under way began
}

// note notes that from this time on Redis does not show all.
func (b *behind) note(at time.Time) {
	if b.since.IsZero() {
		b.since = at
	}
	if b.changed.IsZero() {
		b.changed = at
	}
}

// writePending writes what Redis lacks, and notes whether Redis shows all then.
func (p *Projector) writePending(ctx context.Context) error {
	began := time.Now()
	p.mu.Lock()
	p.behind.changed = time.Time{}
	p.mu.Unlock()
	err := p.writeWhatLacks(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || p.completeWrite == "" {
		// It may have been emptied, so that it lacks more than what is pending.
		p.behind.note(began)
	} else {
		p.behind.since = p.behind.changed
	}
	return err
}

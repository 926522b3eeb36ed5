package projector

import (
	"context"
	"time"
)

// Age is how long Redis has not shown all that the log says; 0 if it shows all.
func (p *Projector) Age() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.behindSince.IsZero() {
		return 0
	}
	return time.Since(p.behindSince)
}

// noteBehind notes that from this time on Redis does not show all. The caller holds mu.
func (p *Projector) noteBehind(at time.Time) {
	if p.behindSince.IsZero() {
		p.behindSince = at
	}
	if p.changedSince.IsZero() {
		p.changedSince = at
	}
}

// writePending writes what Redis lacks, and notes whether Redis shows all then.
func (p *Projector) writePending(ctx context.Context) error {
	began := time.Now()
	p.mu.Lock()
	p.changedSince = time.Time{}
	p.mu.Unlock()
	err := p.writeWhatLacks(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || p.completeWrite == "" {
		// It may have been emptied, so that it lacks more than what is pending.
		p.noteBehind(began)
	} else {
		p.behindSince = p.changedSince
	}
	return err
}

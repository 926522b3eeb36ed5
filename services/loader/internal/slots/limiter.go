// Package slots decides how many requests of an account may be in flight: what
// CleverTap tolerates (Limiter) and what this process may use of it (Share).
// Both are pure and not safe for concurrent use.
package slots

import "time"

// Limiter is the number of requests that CleverTap is thought to tolerate: the
// account's slots, halved by each "too many requests" and growing back. After
// an outage it starts at one and grows with every answer, so that CleverTap is not
// flooded.
type Limiter struct {
	total    int
	interval time.Duration // in which the limit grows by one
	limit    int
	changed  time.Time // when it was last halved or grew
	ramping  bool
}

// NewLimiter starts at the account's slots.
func NewLimiter(total int, interval time.Duration) *Limiter {
	return &Limiter{total: total, interval: interval, limit: total}
}

// SetTotal follows a changed account.
func (l *Limiter) SetTotal(total int) {
	if l.limit == l.total || l.limit > total {
		l.limit = total
	}
	l.total = total
}

// Limit is the limit in force.
func (l *Limiter) Limit(now time.Time) int {
	for l.limit < l.total && !l.ramping && now.Sub(l.changed) >= l.interval {
		l.limit++
		l.changed = l.changed.Add(l.interval)
	}
	return l.limit
}

// Throttled halves the limit, once for all requests that were in flight when it
// was halved.
func (l *Limiter) Throttled(started, now time.Time) {
	if started.Before(l.changed) {
		return
	}
	l.limit = max(1, l.Limit(now)/2)
	l.changed, l.ramping = now, false
}

// Answered notes that CleverTap works.
func (l *Limiter) Answered(now time.Time) {
	if !l.ramping {
		return
	}
	l.limit = min(l.limit+1, l.total)
	l.changed = now
	l.ramping = l.limit < l.total
}

// Restart begins at one request, after an outage.
func (l *Limiter) Restart(now time.Time) {
	l.limit, l.changed, l.ramping = min(1, l.total), now, l.total > 1
}

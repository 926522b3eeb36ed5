package account

import (
	"time"

	"tapline.dev/libs/redis"
	"tapline.dev/services/loader/internal/slots"
)

// idleGrace is how long an account without work keeps its slots.
const idleGrace = 2 * time.Second

// lease is what an account has of the pool that its slots come from.
type lease struct {
	calling  bool      // a call is under way: no more requests than reported may be in flight
	reported int       // requests in flight, as the call reports them
	wanted   int       // what it asks for
	leased   bool      // slots are leased
	busyAt   time.Time // when there was work last
	askedAt  time.Time // when a lease was last asked for
}

// LeaseNeed is what a lease call asks for.
type LeaseNeed struct {
	Want, InUse, Limit int
	Held               bool // a lease that has not expired
}

// BeginLeaseCall begins a lease call, if one is due: an account without work gives its
// slots back, and then asks no more. The caller ends the call with LeaseGranted,
// LeaseFailed or LeaseOfOtherPool.
func (a *Account) BeginLeaseCall(busy, stopping bool, now time.Time) (LeaseNeed, bool) {
	if a.lease.calling || !a.cfg.Leased {
		return LeaseNeed{}, false
	}
	if busy {
		a.lease.busyAt = now
	}
	want := 0
	if now.Sub(a.lease.busyAt) < idleGrace && !stopping {
		want = a.limiter.Limit(now)
		if _, _, open := a.circuit.Open(); open {
			want = 1
		}
	}
	if want == 0 && !a.lease.leased && a.inFlight == 0 && !a.share.Unreachable() {
		return LeaseNeed{}, false
	}
	a.lease.calling, a.lease.reported, a.lease.wanted, a.lease.askedAt = true, a.inFlight, want, now
	held := a.lease.leased && a.share.Until(now).After(now)
	return LeaseNeed{Want: want, InUse: a.inFlight, Limit: a.cfg.Slots, Held: held}, true
}

// LeaseGranted ends a call with a lease.
func (a *Account) LeaseGranted(l redis.Lease, now time.Time) {
	a.lease.calling, a.lease.leased = false, l.Granted > 0
	a.share.Granted(l, now)
}

// LeaseFailed ends a call that Redis did not answer, and says whether the call before it
// was answered.
func (a *Account) LeaseFailed(now time.Time) (news bool) {
	news = !a.share.Unreachable()
	a.lease.calling = false
	a.share.Failed(max(a.lease.wanted, a.lease.reported), now)
	return news
}

// LeaseOfOtherPool ends a call about a pool that the account has left meanwhile.
func (a *Account) LeaseOfOtherPool() { a.lease.calling = false }

// HasLease reports whether slots are leased.
func (a *Account) HasLease() bool { return a.lease.leased }

// LeaseAtOnce reports whether the first lease of an account with work should not wait for
// the next interval.
func (a *Account) LeaseAtOnce(pause time.Duration, now time.Time) bool {
	return a.cfg.Leased && !a.lease.calling && !a.lease.leased && !a.share.Unreachable() && now.Sub(a.lease.askedAt) > pause
}

// MovePool enters another pool, of which nothing is leased: what was leased of the
// one before says nothing of it.
func (a *Account) MovePool() {
	a.share, a.lease.leased = a.newShare(), false
}

func (a *Account) newShare() *slots.Share {
	return slots.NewShare(a.cfg.Slots, a.cfg.Replicas, a.cfg.RequestTimeout, 2*a.cfg.LeaseInterval, a.cfg.Leased)
}

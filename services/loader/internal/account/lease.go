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
	calling bool      // a call is under way: no more than pledged in flight
	pledged int       // what the call says is in use
	holds   bool      // slots are leased
	worked  time.Time // when there was work last
	asked   time.Time // when a lease was last asked for
}

// Wish is what a lease call asks for.
type Wish struct {
	Want, InUse, Limit int
	Held               bool // a lease that has not expired
}

// Call begins a lease call, if one is due: an account without work gives its
// slots back, and then asks no more. The caller tells its end with Granted, Failed
// or Left.
func (a *Account) Call(busy, stopping bool, now time.Time) (Wish, bool) {
	if a.lease.calling || !a.cfg.Leased {
		return Wish{}, false
	}
	if busy {
		a.lease.worked = now
	}
	want := 0
	if now.Sub(a.lease.worked) < idleGrace && !stopping {
		want = a.limiter.Limit(now)
		if _, _, open := a.circuit.Open(); open {
			want = 1
		}
	}
	if want == 0 && !a.lease.holds && a.inFlight == 0 && !a.share.Missing() {
		return Wish{}, false
	}
	a.lease.calling, a.lease.pledged, a.lease.asked = true, a.inFlight, now
	held := a.lease.holds && a.share.Until(now).After(now)
	return Wish{Want: want, InUse: a.inFlight, Limit: a.cfg.Slots, Held: held}, true
}

// Granted ends a call with a lease.
func (a *Account) Granted(l redis.Lease, now time.Time) {
	a.lease.calling, a.lease.holds = false, l.Granted > 0
	a.share.Granted(l, now)
}

// Failed ends a call that Redis did not answer, and says whether that is news.
func (a *Account) Failed(now time.Time) (news bool) {
	news = !a.share.Missing()
	a.lease.calling = false
	a.share.Failed(now)
	return news
}

// Left ends a call about a pool that the account has left meanwhile.
func (a *Account) Left() { a.lease.calling = false }

// Holds says whether slots are leased.
func (a *Account) Holds() bool { return a.lease.holds }

// Hurry says whether the first lease of an account with work should not wait for
// the next interval.
func (a *Account) Hurry(pause time.Duration, now time.Time) bool {
	return a.cfg.Leased && !a.lease.calling && !a.lease.holds && !a.share.Missing() && now.Sub(a.lease.asked) > pause
}

// Move enters another pool, of which nothing is leased: what was leased of the
// one before says nothing of it.
func (a *Account) Move(now time.Time) {
	a.share, a.lease.holds = a.newShare(now), false
}

func (a *Account) newShare(now time.Time) *slots.Share {
	return slots.NewShare(a.cfg.Slots, a.cfg.Replicas, a.cfg.RequestTimeout, 2*a.cfg.LeaseInterval, a.cfg.Leased, now)
}

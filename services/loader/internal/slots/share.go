package slots

import (
	"time"

	"tapline.dev/libs/redis"
)

// Share is how many of an account's slots this process may use.
//
// Invariant 7: with Redis it is the lease. Without it, and for one request timeout
// after Redis became unreachable, came back or lost its data, it is the smaller of
// the lease and the account's slots divided by the number of replicas: after that
// timeout every request that was sent under another rule has ended. A Redis that has
// lost its data does not know of the other processes' leases until each has renewed
// its own; until then no process uses more than it had before.
type Share struct {
	static int           // slots divided by replicas
	settle time.Duration // a request timeout
	grace  time.Duration // in which every living holder renews its lease
	leased bool          // the deployment has Redis

	granted          int
	until            time.Time // of the lease
	unreachableSince time.Time // when Redis was first missed, zero while it answers
	unreachable      bool      // a call failed since it last answered
	reachableSince   time.Time // when it answered again
	redisAge         time.Duration
	redisAgeAt       time.Time // when redisAge was measured
}

// NewShare starts without slots until Redis answers. If Redis fails, the share is as
// after the loss of Redis, because other replicas may be using their whole leases.
// Without Redis in the deployment the share is the static one.
func NewShare(total, replicas int, settle, grace time.Duration, leased bool, now time.Time) *Share {
	s := &Share{settle: settle, grace: grace, leased: leased, unreachableSince: now}
	s.Resize(total, replicas)
	return s
}

// Resize follows a changed account.
func (s *Share) Resize(total, replicas int) { s.static = max(1, total/max(1, replicas)) }

// Granted takes in a lease.
func (s *Share) Granted(lease redis.Lease, now time.Time) {
	if s.unreachable {
		s.reachableSince = now
	}
	s.unreachableSince, s.unreachable = time.Time{}, false
	granted := min(lease.Granted, lease.Fair)
	if lease.Age < s.grace {
		granted = min(granted, s.granted)
	}
	s.granted, s.until = granted, lease.Until
	s.redisAge, s.redisAgeAt = lease.Age, now
}

// Failed notes that Redis did not answer.
func (s *Share) Failed(now time.Time) {
	s.unreachable = true
	if s.unreachableSince.IsZero() {
		s.unreachableSince = now
	}
}

// Slots is how many requests may be in flight now.
func (s *Share) Slots(now time.Time) int {
	switch {
	case !s.leased:
		return s.static
	case !s.unreachableSince.IsZero() && now.Sub(s.unreachableSince) >= s.settle:
		return s.static
	case now.After(s.until):
		return 0
	case !s.unreachableSince.IsZero(), now.Sub(s.reachableSince) < s.settle, s.redisAge+now.Sub(s.redisAgeAt) < s.settle:
		return min(s.granted, s.static)
	}
	return s.granted
}

// Until is when what is in use must have ended; zero when nothing is leased.
func (s *Share) Until(now time.Time) time.Time {
	if !s.leased || (!s.unreachableSince.IsZero() && now.Sub(s.unreachableSince) >= s.settle) {
		return time.Time{}
	}
	return s.until
}

// Unreachable reports whether Redis did not answer the last call.
func (s *Share) Unreachable() bool { return s.unreachable }

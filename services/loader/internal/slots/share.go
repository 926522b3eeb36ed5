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
	unreachable      bool      // a call failed since Redis last answered
	unreachableSince time.Time // when the first of these failed
	reachableSince   time.Time // when it answered again
	redisAge         time.Duration
	redisAgeAt       time.Time // when redisAge was measured
}

// NewShare starts without slots until Redis answers. If Redis fails, the share is as
// after the loss of Redis, because other replicas may be using their whole leases: it is
// not the static one before a call has failed for one request timeout, however long no
// call was needed. Without Redis in the deployment the share is the static one.
func NewShare(total, replicas int, settle, grace time.Duration, leased bool) *Share {
	s := &Share{settle: settle, grace: grace, leased: leased}
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
	s.unreachable = false
	granted := min(lease.Granted, lease.Fair)
	if lease.Age < s.grace {
		granted = min(granted, s.granted)
	}
	s.granted, s.until = granted, lease.Until
	s.redisAge, s.redisAgeAt = lease.Age, now
}

// Failed notes that Redis did not answer a call. It may have carried the call out all the
// same and given the slots that the call did not ask for to others: asked is how many the
// call wanted or said to be in use.
func (s *Share) Failed(asked int, now time.Time) {
	if !s.unreachable {
		s.unreachableSince = now
	}
	s.unreachable = true
	s.granted = min(s.granted, asked)
}

// Slots is how many requests may be in flight now.
func (s *Share) Slots(now time.Time) int {
	switch {
	case s.isStatic(now):
		return s.static
	case now.After(s.until):
		return 0
	case s.unreachable, now.Sub(s.reachableSince) < s.settle, s.redisAge+now.Sub(s.redisAgeAt) < s.settle:
		return min(s.granted, s.static)
	}
	return s.granted
}

// Until is when what is in use must have ended; zero when nothing is leased.
func (s *Share) Until(now time.Time) time.Time {
	if s.isStatic(now) {
		return time.Time{}
	}
	return s.until
}

// isStatic reports whether leases play no part: there is no Redis, or it has not answered
// for so long that every request which was sent under a lease has ended.
func (s *Share) isStatic(now time.Time) bool {
	return !s.leased || s.unreachable && now.Sub(s.unreachableSince) >= s.settle
}

// Unreachable reports whether Redis did not answer the last call.
func (s *Share) Unreachable() bool { return s.unreachable }

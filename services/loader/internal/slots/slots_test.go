package slots

import (
	"testing"
	"time"

	"tapline.dev/libs/redis"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func TestLimiterHalvesOnceAndGrowsBack(t *testing.T) {
	t.Parallel()
	l := NewLimiter(15, 2*time.Second)
	check := func(seconds float64, want int) {
		t.Helper()
		if got := l.Limit(at(seconds)); got != want {
			t.Errorf("after %vs: Limit() = %d, want %d", seconds, got, want)
		}
	}
	check(0, 15)
	l.Throttled(at(9), at(10))
	check(10, 7)
	l.Throttled(at(9.5), at(10.1)) // was in flight when the limit was halved
	check(10.1, 7)
	l.Throttled(at(10.2), at(10.3))
	check(10.3, 3)
	check(12.3, 4)
	check(16.3, 6)
	check(100, 15)
	for i := range 10 {
		l.Throttled(at(200+float64(i)), at(200+float64(i)))
	}
	check(209, 1)
}

func TestLimiterReturnsFromAnOutageOneByOne(t *testing.T) {
	t.Parallel()
	l := NewLimiter(4, time.Second)
	l.Restart(at(0))
	for i, want := range []int{1, 2, 3, 4, 4} {
		if got := l.Limit(at(100)); got != want {
			t.Errorf("after %d answers: Limit() = %d, want %d", i, got, want)
		}
		l.Answered(at(100))
	}
}

func TestLimiterFollowsTheAccount(t *testing.T) {
	t.Parallel()
	l := NewLimiter(15, time.Second)
	l.SetTotal(20)
	if got := l.Limit(at(0)); got != 20 {
		t.Errorf("raised: Limit() = %d, want 20", got)
	}
	l.Throttled(at(1), at(1))
	l.SetTotal(5)
	if got := l.Limit(at(1)); got != 5 {
		t.Errorf("lowered: Limit() = %d, want 5", got)
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	const settle = 10 * time.Second
	lease := func(granted, fair int, age, until float64) redis.Lease {
		return redis.Lease{Granted: granted, Fair: fair, Age: time.Duration(age * float64(time.Second)), Until: at(until)}
	}
	tests := []struct {
		name   string
		leased bool
		do     func(s *Share)
		when   float64
		want   int
	}{
		{"without Redis", false, func(*Share) {}, 0, 5},
		{"before the first answer", true, func(*Share) {}, 1, 0},
		{"never asked", true, func(*Share) {}, 100, 0},
		{"never an answer", true, func(s *Share) { s.Failed(15, at(1)) }, 10, 0},
		{"never an answer for a request timeout", true, func(s *Share) { s.Failed(15, at(1)); s.Failed(15, at(8)) }, 11, 5},
		{"first asked late", true, func(s *Share) { s.Failed(15, at(100)) }, 101, 0},
		{"the answer to a call for less is lost", true, func(s *Share) { s.Granted(lease(15, 15, 3600, 31), at(1)); s.Failed(2, at(2)) }, 3, 2},
		{"the answer to a release is lost", true, func(s *Share) { s.Granted(lease(15, 15, 3600, 31), at(1)); s.Failed(0, at(2)) }, 3, 0},
		{"leased", true, func(s *Share) { s.Granted(lease(15, 15, 3600, 31), at(1)) }, 2, 15},
		{"leased more than is fair", true, func(s *Share) { s.Granted(lease(15, 8, 3600, 31), at(1)) }, 2, 8},
		{"the lease ended", true, func(s *Share) { s.Granted(lease(15, 15, 3600, 31), at(1)) }, 32, 0},
		{"Redis is new", true, func(s *Share) { s.Granted(lease(15, 15, 1, 31), at(1)) }, 2, 0},
		{"Redis forgot, others may live", true, func(s *Share) {
			s.Granted(lease(3, 15, 3600, 31), at(1))
			s.Granted(lease(15, 15, 1, 32), at(2))
		}, 2, 3},
		{"Redis has lost the leases a moment ago", true, func(s *Share) { s.Granted(lease(15, 15, 3, 31), at(1)) }, 7, 5},
		{"Redis had lost the leases, and long enough ago", true, func(s *Share) { s.Granted(lease(15, 15, 3, 31), at(1)) }, 9, 15},
		{"Redis has just failed", true, func(s *Share) { s.Granted(lease(15, 15, 3600, 31), at(1)); s.Failed(15, at(2)) }, 3, 5},
		{"Redis has just failed, little was leased", true, func(s *Share) { s.Granted(lease(2, 15, 3600, 31), at(1)); s.Failed(15, at(2)) }, 3, 2},
		{"Redis is gone", true, func(s *Share) { s.Granted(lease(2, 15, 3600, 31), at(1)); s.Failed(15, at(2)); s.Failed(15, at(8)) }, 12, 5},
		{"Redis just came back", true, func(s *Share) {
			s.Granted(lease(15, 15, 3600, 31), at(1))
			s.Failed(15, at(2))
			s.Granted(lease(15, 15, 3600, 60), at(20))
		}, 21, 5},
		{"Redis came back", true, func(s *Share) {
			s.Granted(lease(15, 15, 3600, 31), at(1))
			s.Failed(15, at(2))
			s.Granted(lease(15, 15, 3600, 60), at(20))
		}, 31, 15},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := NewShare(15, 3, settle, 2*time.Second, tt.leased)
			tt.do(s)
			if got := s.Slots(at(tt.when)); got != tt.want {
				t.Errorf("Slots() = %d, want %d", got, tt.want)
			}
		})
	}
}

func TestShareNamesTheLeasesEnd(t *testing.T) {
	t.Parallel()
	s := NewShare(15, 3, 10*time.Second, 2*time.Second, true)
	s.Granted(redis.Lease{Granted: 1, Fair: 1, Until: at(31)}, at(1))
	if got := s.Until(at(2)); !got.Equal(at(31)) {
		t.Errorf("Until() = %v, want the lease's end", got)
	}
	s.Failed(15, at(3))
	if got := s.Until(at(20)); !got.IsZero() {
		t.Errorf("Until() = %v on the static share, want none", got)
	}
}

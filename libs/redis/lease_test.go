package redis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
)

const (
	pool     = "account"
	limit    = 15
	leaseTTL = 10 * time.Second
)

func acquire(t *testing.T, leases *redis.Leases, holder string, want, inUse, limit int) redis.Lease {
	t.Helper()
	lease, err := leases.Acquire(t.Context(), redis.LeaseRequest{
		Pool: pool, Holder: holder, Want: want, InUse: inUse, Limit: limit, TTL: leaseTTL,
	})
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func TestLeases(t *testing.T) {
	t.Parallel()
	type call struct {
		holder             string
		want, inUse, limit int
		granted            int
		after              time.Duration // waited before the call
	}
	tests := map[string][]call{
		"alone": {{"a", 20, 0, limit, 15, 0}, {"a", 3, 0, limit, 3, 0}},
		"the second waits for the first to shrink": {
			{"a", 15, 0, limit, 15, 0}, {"b", 15, 0, limit, 0, 0},
			{"a", 15, 4, limit, 8, 0}, {"b", 15, 0, limit, 7, 0},
		},
		"slots in use are not taken back": {
			{"a", 15, 0, limit, 15, 0}, {"b", 15, 0, limit, 0, 0},
			{"a", 15, 12, limit, 12, 0}, {"b", 15, 0, limit, 3, 0},
		},
		"small wishes are met whole": {
			{"a", 15, 0, limit, 15, 0}, {"b", 2, 0, limit, 0, 0},
			{"a", 15, 0, limit, 13, 0}, {"b", 2, 0, limit, 2, 0},
		},
		"released slots are free at once": {
			{"a", 15, 0, limit, 15, 0}, {"a", 0, 0, limit, 0, 0}, {"b", 15, 0, limit, 15, 0},
		},
		"the dead leave by their expiry": {
			{"a", 15, 0, limit, 15, 0}, {"b", 15, 0, limit, 0, leaseTTL - time.Second}, {"b", 15, 0, limit, 15, 2 * time.Second},
		},
		"a returning zombie gets what is left": {
			{"a", 15, 0, limit, 15, 0}, {"b", 14, 0, limit, 14, leaseTTL + time.Second}, {"a", 15, 15, limit, 1, 0},
		},
		"a lowered limit": {
			{"a", 8, 0, limit, 8, 0}, {"b", 7, 0, limit, 7, 0}, {"a", 8, 8, 7, 0, 0}, {"b", 7, 0, 7, 4, 0}, {"a", 8, 0, 7, 3, 0},
		},
	}
	for name, calls := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, client := redistest.NewVirtual(t)
				leases := redis.NewLeases(client)
				for i, c := range calls {
					time.Sleep(c.after)
					if got := acquire(t, leases, c.holder, c.want, c.inUse, c.limit); got.Granted != c.granted {
						t.Fatalf("call %d of %s: granted %d, want %d", i+1, c.holder, got.Granted, c.granted)
					}
				}
			})
		})
	}
}

func TestLeaseEndsOnTheHoldersClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		before := time.Now()
		lease := acquire(t, redis.NewLeases(client), "a", 1, 0, limit)
		if lease.Until.After(before.Add(leaseTTL)) {
			t.Errorf("Until is %v after the call began, want at most the TTL", lease.Until.Sub(before))
		}
	})
}

// Invariant 7, by random holders that live, use, die and come back.
func TestLeasesNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, client := redistest.NewVirtual(t)
				leases := redis.NewLeases(client)
				random := rand.New(rand.NewPCG(seed, 1))
				living := map[string]redis.Lease{}
				full := 0
				for range 400 {
					holder := string(rune('a' + random.IntN(5)))
					inUse := 0
					if lease, ok := living[holder]; ok && time.Now().Before(lease.Until) {
						inUse = random.IntN(lease.Granted + 1)
					}
					living[holder] = acquire(t, leases, holder, random.IntN(limit+1), inUse, limit)
					if living[holder].Granted < inUse {
						t.Fatalf("granted %d of %d in use before the lease ended", living[holder].Granted, inUse)
					}
					sum := 0
					for _, lease := range living {
						if time.Now().Before(lease.Until) {
							sum += lease.Granted
						}
					}
					if sum > limit {
						t.Fatalf("%d slots are leased, want at most %d", sum, limit)
					}
					if sum == limit {
						full++
					}
					time.Sleep(time.Duration(random.Int64N(int64(leaseTTL / 4))))
				}
				if full == 0 {
					t.Error("the slots were never all leased: the test shows nothing")
				}
			})
		})
	}
}

func TestReleaseAndBadRequests(t *testing.T) {
	t.Parallel()
	client := redistest.New(t).Client(t)
	leases := redis.NewLeases(client)
	acquire(t, leases, "a", 15, 0, limit)
	must(t, leases.Release(t.Context(), pool, "a"))
	if got := acquire(t, leases, "b", 15, 0, limit); got.Granted != 15 || got.Others != 0 || got.Holders != 1 {
		t.Errorf("after a release: %+v, want all 15", got)
	}
	for _, r := range []redis.LeaseRequest{{TTL: 0}, {TTL: time.Second, Want: -1}, {TTL: time.Second, InUse: -1}, {TTL: time.Second, Limit: -1}} {
		if _, err := leases.Acquire(t.Context(), r); err == nil {
			t.Errorf("Acquire(%+v) succeeded, want an error", r)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := leases.Acquire(cancelled, redis.LeaseRequest{Pool: pool, Holder: "a", Want: 1, Limit: 1, TTL: time.Second}); err == nil {
		t.Error("Acquire() with a cancelled context succeeded")
	}
}

// A Redis that does not know a lease that has not expired has forgotten it, and may
// have forgotten others: the age of the pool begins anew for everybody.
func TestAMissingLeaseResetsThePoolsAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		leases := redis.NewLeases(client)
		acquire(t, leases, "a", 15, 0, limit)
		time.Sleep(time.Second)
		held := redis.LeaseRequest{Pool: pool, Holder: "b", Want: 5, InUse: 3, Limit: limit, TTL: leaseTTL}
		if lease, err := leases.Acquire(t.Context(), held); err != nil || lease.Age < time.Second {
			t.Fatalf("a new holder: %+v, %v; want the pool's age", lease, err)
		}
		must(t, leases.Release(t.Context(), pool, "b"))
		held.Held = true
		if lease, err := leases.Acquire(t.Context(), held); err != nil || lease.Age != 0 {
			t.Fatalf("a holder whose lease is gone: %+v, %v; want the age 0", lease, err)
		}
		if lease := acquire(t, leases, "a", 15, 0, limit); lease.Age != 0 {
			t.Errorf("the pool is %v old for others", lease.Age)
		}
		time.Sleep(time.Second)
		if lease, err := leases.Acquire(t.Context(), held); err != nil || lease.Age != time.Second {
			t.Errorf("a second later: %+v, %v", lease, err)
		}
	})
}

// TestAReplicaThatFellBehind: it knows the first lease and not the second one, and tells
// another run id. Whoever calls first learns that the pool is young.
func TestAReplicaThatFellBehind(t *testing.T) {
	t.Parallel()
	s := redistest.New(t)
	if s.FailOver == nil {
		t.Skip("the running Redis has no replica: TestAFailoverToAnOldReplica in tests")
	}
	leases := redis.NewLeases(s.Client(t))
	acquire(t, leases, "first", 4, 0, limit)
	time.Sleep(10 * time.Millisecond)
	takeOver, err := s.FailOver()
	if err != nil {
		t.Fatal(err)
	}
	acquire(t, leases, "second", 9, 0, limit)
	if age := acquire(t, leases, "first", 4, 4, limit).Age; age < 10*time.Millisecond {
		t.Fatalf("before the failover the pool is %s old", age)
	}
	failed := time.Now()
	if err := takeOver(); err != nil {
		t.Fatal(err)
	}
	if lease := acquire(t, leases, "first", limit, 4, limit); lease.Age > time.Since(failed) || lease.Others != 0 {
		t.Errorf("after the failover the first lease is %+v", lease)
	}
}

package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"
)

//go:embed lease.lua
var leaseSource string

// Leases shares a limited number of slots, such as the request slots of an
// account, among holders in several processes.
//
// Invariant 7: the sum of the living leases of a pool never exceeds the limit
// that the last caller gave. Redis' clock decides what is alive. Redis may
// forget everything, so a holder whose lease came from an empty Redis trusts
// only its static share until one lease time has passed; that is the caller's
// rule, not this type's.
type Leases struct {
	client *Client
	script *Script
}

// LeaseRequest asks for slots, renews them and gives them back, all at once.
type LeaseRequest struct {
	// Pool names what is shared; Holder names who asks, unique and stable for
	// the life of a process.
	Pool, Holder string
	// Want is how many slots the holder could use; 0 gives all back.
	Want int
	// InUse is how many it uses right now and cannot give back.
	InUse int
	// Limit is how many slots the pool has.
	Limit int
	// TTL is how long the lease lives without renewal.
	TTL time.Duration
	// Held says that the holder has a lease that has not expired. If Redis does not
	// know this lease, Redis has lost data and may have lost other holders' leases
	// too.
	Held bool
}

// Lease is what a holder got.
type Lease struct {
	// Granted slots are the holder's until Until. It may be less than InUse only
	// if the lease had expired or the limit was lowered.
	Granted int
	// Others is how many slots other holders have; Holders counts the holders whose lease
	// has not expired, this one included.
	Others, Holders int
	// Fair is the holder's fair share. A holder is granted more only while its slots are in
	// use; its next call gives up those that are free by then.
	Fair int
	// Age is how long this Redis has known every lease of the pool: since it was
	// started, took over from another Redis, or lost a lease. If the age is short,
	// there may be living holders that this Redis does not know.
	Age time.Duration
	// Until is when the lease expires, on this process's monotonic clock. The TTL is
	// counted from before the call.
	Until time.Time
}

// NewLeases returns leases kept by the client's Redis, under the prefix that all
// deployments share.
func NewLeases(client *Client) *Leases {
	shared := *client
	shared.prefix = client.slotPrefix
	return &Leases{client: &shared, script: NewScript(leaseSource)}
}

// Acquire takes, renews or shrinks the holder's lease in one call. Shares even
// out among holders as they renew. Repeating it after an error is harmless.
func (l *Leases) Acquire(ctx context.Context, r LeaseRequest) (Lease, error) {
	if r.TTL < time.Millisecond || r.Limit < 0 || r.Want < 0 || r.InUse < 0 {
		return Lease{}, errors.New("leasing slots: TTL must be a millisecond or more, counts not negative")
	}
	held := 0
	if r.Held {
		held = 1
	}
	start := time.Now()
	answer, err := l.client.Run(ctx, l.script, []string{"slots:" + r.Pool},
		r.Holder, r.Want, r.InUse, r.Limit, r.TTL.Milliseconds(), held)
	if err != nil {
		return Lease{}, fmt.Errorf("leasing slots: %w", err)
	}
	numbers, ok := answer.([]any)
	if !ok || len(numbers) != 5 {
		return Lease{}, errors.New("leasing slots: unexpected answer of the script")
	}
	var counts [5]int
	for i, n := range numbers {
		v, ok := n.(int64)
		if !ok {
			return Lease{}, errors.New("leasing slots: unexpected answer of the script")
		}
		counts[i] = int(v)
	}
	return Lease{
		Granted: counts[0],
		Others:  counts[1],
		Holders: counts[2],
		Fair:    counts[3],
		Age:     time.Duration(counts[4]) * time.Millisecond,
		Until:   start.Add(r.TTL),
	}, nil
}

// Release gives a holder's slots back. A holder that cannot reach Redis lets
// its lease expire.
func (l *Leases) Release(ctx context.Context, pool, holder string) error {
	_, err := l.Acquire(ctx, LeaseRequest{Pool: pool, Holder: holder, TTL: time.Millisecond})
	return err
}

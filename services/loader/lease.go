package loader

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/libs/redis"
)

// leaseIfDue renews the leases of every account at each interval, and leases at once for
// one that has work and no lease yet.
func (l *loop) leaseIfDue(now time.Time) (again time.Time) {
	if l.leases == nil {
		return time.Time{}
	}
	all := !now.Before(l.nextLease)
	if all {
		l.nextLease = now.Add(l.cfg.LeaseInterval)
	}
	for _, d := range l.destinations {
		if all || d.conn != nil && d.busy() && d.account.LeaseAtOnce(l.cfg.Linger, now) {
			l.leaseFor(d, now)
		}
	}
	return l.nextLease
}

// leaseFor renews the lease of the account's slots. If a changed definition has moved
// the account to another pool, it first releases the lease of the old pool, once no
// request uses a slot of it. Only one call of an account runs at a time, so that the
// released lease cannot have been taken again meanwhile.
func (l *loop) leaseFor(d *destination, now time.Time) {
	if d.leasing {
		return
	}
	left := ""
	if d.formerPool == d.pool || d.account.InFlight() == 0 { // otherwise the old lease is left to expire
		left, d.formerPool = d.formerPool, ""
	}
	if left == d.pool {
		left = ""
	}
	request := redis.LeaseRequest{Pool: d.pool, Holder: l.holderOf(d), TTL: l.cfg.leaseTTL()}
	due := false
	if d.conn != nil {
		wish, ok := d.account.BeginLeaseCall(d.busy(), l.draining, now)
		request.Want, request.InUse, request.Limit, request.Held, due = wish.Want, wish.InUse, wish.Limit, wish.Held, ok
	}
	if left == "" && !due {
		return
	}
	d.leasing = true
	l.start(func() {
		if left != "" {
			_ = l.leases.Release(l.work, left, request.Holder) // or it expires
		}
		var lease redis.Lease
		var err error
		if due {
			lease, err = l.leases.Acquire(l.work, request)
		}
		l.post(func(l *loop, now time.Time) {
			d.leasing = false
			if due {
				l.leased(d, request.Pool, lease, err, now)
			}
		})
	})
}

// leased takes in the answer to a lease call.
func (l *loop) leased(d *destination, pool string, lease redis.Lease, err error, now time.Time) {
	switch {
	case d.pool != pool: // another one since
		d.formerPool = pool
		d.account.LeaseOfOtherPool()
	case err != nil:
		if d.account.LeaseFailed(now) && l.work.Err() == nil {
			l.log().WarnContext(l.work, "slots cannot be leased, using the static share", slog.String("account", d.name), slog.Any("error", err))
		}
	default:
		d.account.LeaseGranted(lease, now)
	}
	d.publishShare()
}

// holderOf names this process and account: two definitions of one CleverTap
// account share its slots, and are two holders.
func (m *member) holderOf(d *destination) string { return m.holder + "/" + d.name }

// releaseLeases returns all leases and closes the connections, once the loop has ended.
func (m *member) releaseLeases(l *loop) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.work), m.cfg.BackoffMin)
	defer cancel()
	for _, d := range l.destinations {
		d.disconnect()
		if m.leases == nil || d.account.InFlight() > 0 {
			continue
		}
		// One that is not returned expires.
		if d.formerPool != "" && d.formerPool != d.pool {
			_ = m.leases.Release(ctx, d.formerPool, m.holderOf(d))
		}
		if d.account.HasLease() {
			_ = m.leases.Release(ctx, d.pool, m.holderOf(d))
		}
	}
}

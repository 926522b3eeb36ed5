package loader

import (
	"context"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/redis"
)

// leasing leases slots for every account, one script call each.
func (m *member) leasing(ctx context.Context) error {
	ticker := time.NewTicker(m.cfg.LeaseInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-m.lease:
		}
		m.mu.Lock()
		accounts := make([]*account, 0, len(m.accounts))
		for _, a := range m.accounts {
			accounts = append(accounts, a)
		}
		m.mu.Unlock()
		for _, a := range accounts {
			m.giveBackLeft(ctx, a)
			m.leaseFor(ctx, a)
		}
		poke(m.wake)
	}
}

// leaseFor leases an account's slots anew.
//
// Invariant 7: what the call says is in use stays an upper bound while it is
// under way, so slots that Redis gives to others are not in use here.
func (m *member) leaseFor(ctx context.Context, a *account) {
	if failpoint.Mistake("loader.no-lease") {
		return
	}
	now := time.Now()
	m.mu.Lock()
	if a.busy() {
		a.worked = now
	}
	want := 0
	if now.Sub(a.worked) < idleGrace && !m.draining {
		want = a.limiter.Limit(now)
		if _, _, open := a.circuit.Open(); open {
			want = 1
		}
	}
	if m.leases == nil || a.client == nil || (want == 0 && !a.holds && a.inFlight == 0 && !a.share.Missing()) {
		m.mu.Unlock()
		return
	}
	a.frozen, a.pledged, a.asked = true, a.inFlight, now
	request := redis.LeaseRequest{
		Pool: a.pool, Holder: m.holderOf(a), Want: want, InUse: a.pledged, Limit: a.spec.Slots, TTL: m.cfg.leaseTTL(),
	}
	m.mu.Unlock()
	lease, err := m.leases.Acquire(ctx, request)
	now = time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	a.frozen = false
	if a.pool != request.Pool { // another one since
		a.left = request.Pool
		return
	}
	if err != nil {
		if !a.share.Missing() {
			m.deps.Telemetry.Logger.WarnContext(ctx, "slots cannot be leased, using the static share", "account", a.name, "error", err)
		}
		a.share.Failed(now)
		return
	}
	a.holds = lease.Granted > 0
	a.share.Granted(lease, now)
}

// giveBackLeft returns the lease of a pool that the account was in before its
// definition changed, once no request can be of it. Nothing else leases: what is
// returned here cannot have been leased anew meanwhile.
func (m *member) giveBackLeft(ctx context.Context, a *account) {
	m.mu.Lock()
	left := a.left
	if left != a.pool && a.inFlight > 0 {
		m.mu.Unlock()
		return // it expires if that goes on
	}
	a.left = ""
	m.mu.Unlock()
	if left == "" || left == a.pool || m.leases == nil {
		return
	}
	_ = m.leases.Release(ctx, left, m.holderOf(a)) // or it expires
}

// holderOf names this process and account: two definitions of one CleverTap
// account share its slots, and are two holders.
func (m *member) holderOf(a *account) string { return m.holder + "/" + a.name }

// giveBack returns all leases at the end of the membership.
func (m *member) giveBack() {
	if m.leases == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.work), m.cfg.BackoffMin)
	defer cancel()
	for _, a := range m.accounts {
		m.giveBackLeft(ctx, a)
		if a.holds && a.inFlight == 0 {
			// One that is not returned expires.
			_ = m.leases.Release(ctx, a.pool, m.holderOf(a))
		}
	}
}

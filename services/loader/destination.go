package loader

import (
	"slices"
	"sync/atomic"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/circuit"
	"tapline.dev/services/loader/internal/clevertap"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/recovery"
	"tapline.dev/services/loader/internal/slots"
)

// destination is an account and what is to be sent to it. The loop owns it.
type destination struct {
	name          string
	account       *account.Account
	spec          accountSpec
	conn          *connection // nil while the definition is not resolved
	pool          string      // names the account among the holders of leases
	resolving     bool        // the definition's secrets are being read
	rereadSecrets bool        // CleverTap refused the credentials, which may have been replaced since
	leasing       bool        // a call about its leases is under way
	formerPool    string      // the pool of a lease to be given back, of an earlier definition

	waiting    []*upload // for their next request
	tests      int       // of the account, not answered yet
	candidates []*candidate
}

// candidate is a partition whose next batch goes to the destination.
type candidate struct {
	part    *partition
	subject string
	run     *schemas.ActiveRun
	policy  delivery.Policy
	state   recovery.State
}

// connection is the way to an account under one definition of it, as the tasks
// see it. Safe for concurrent use.
type connection struct {
	client uploader
	uses   clevertap.Account
	closed atomic.Bool                 // the definition has changed
	share  atomic.Pointer[slots.Share] // a copy of the account's
}

// allows reports whether a request that ends at end may be written now: its slot must
// be certain to stay this process's until then.
func (c *connection) allows(now, end time.Time) bool {
	until := c.share.Load().Until(now)
	return !c.closed.Load() && (until.IsZero() || !until.Before(end))
}

// destination returns the account of a name, following its definition.
func (l *loop) destination(name string, now time.Time) *destination {
	spec := l.accounts.lookup(name)
	d := l.destinations[name]
	if d == nil {
		d = &destination{name: name, spec: accountSpec{version: -1}, account: account.New(l.accountConfig(spec))}
		l.destinations[name] = d
	}
	changed := d.spec.version != spec.version
	if d.resolving || !changed && d.conn != nil && !d.rereadSecrets {
		return d
	}
	if _, _, open := d.account.Open(); open && !changed && now.Before(d.account.NextProbe()) {
		return d
	}
	d.spec = spec
	d.account.Resize(spec.Slots)
	if changed {
		d.disconnect()
	}
	d.resolving = true
	l.start(func() {
		uses, pool, err := l.accounts.resolve(spec, l.cfg.RequestTimeout)
		l.post(func(l *loop, now time.Time) { l.resolved(d, uses, pool, err, now) })
	})
	return d
}

// resolved connects to the account, or holds requests back with the reason why it
// cannot. A connection that CleverTap refused stays if no secret has changed, and its
// circuit keeps its back-off.
func (l *loop) resolved(d *destination, uses clevertap.Account, pool string, err error, now time.Time) {
	d.resolving, d.rereadSecrets = false, false
	if err == nil && d.conn != nil && uses == d.conn.uses {
		return
	}
	d.disconnect()
	if err != nil {
		d.account.Unusable("the account cannot be used: "+err.Error(), now)
		return
	}
	if d.pool != "" && d.pool != pool {
		d.formerPool = d.pool
		d.account.MovePool()
	}
	d.pool, d.conn = pool, &connection{client: l.connect(uses), uses: uses}
	d.publishShare()
	d.account.Retry(now)
	l.nextLease = now
}

// publishShare gives the tasks a copy of the share of slots that this process may use.
func (d *destination) publishShare() {
	if d.conn != nil {
		share := d.account.Share()
		d.conn.share.Store(&share)
	}
}

func (d *destination) disconnect() {
	if d.conn != nil {
		d.conn.closed.Store(true)
		d.conn.client.Close()
		d.conn = nil
	}
}

func (l *loop) accountConfig(spec accountSpec) account.Config {
	return account.Config{
		Slots: spec.Slots, Replicas: l.cfg.MaxReplicas, Leased: l.leases != nil,
		RequestTimeout: l.cfg.RequestTimeout, LeaseInterval: l.cfg.LeaseInterval, GrowInterval: l.cfg.GrowInterval,
		Circuit: circuit.Config{Threshold: l.cfg.OutageThreshold, Min: l.cfg.BackoffMin, Max: l.cfg.BackoffMax, Delay: backoff.Delay},
	}
}

// busy reports whether there is anything to send or to ask.
func (d *destination) busy() bool {
	return d.account.InFlight() > 0 || d.account.ProbeNeeded() || len(d.waiting) > 0 || len(d.candidates) > 0 || d.tests > 0
}

// takeFrom removes and returns a partition's waiting uploads.
func (d *destination) takeFrom(p *partition) []*upload {
	var taken []*upload
	d.waiting = slices.DeleteFunc(d.waiting, func(u *upload) bool {
		if u.part == p {
			taken = append(taken, u)
			return true
		}
		return false
	})
	return taken
}

// takeDue removes and returns the waiting upload that may be sent next, or says when one
// may be. Three kinds of upload stay: those of a partition that drains, since another
// request would hold up the drain; suspects; and those for which held returns true.
func (d *destination) takeDue(now time.Time, held func(*upload, time.Time) bool) (u *upload, again time.Time) {
	best := -1
	for i, w := range d.waiting {
		if !w.part.draining && !w.suspect && !held(w, now) && (best < 0 || w.notBefore.Before(d.waiting[best].notBefore)) {
			best = i
		}
	}
	if best < 0 {
		return nil, time.Time{}
	}
	u = d.waiting[best]
	if u.notBefore.After(now) {
		return nil, u.notBefore
	}
	d.waiting = slices.Delete(d.waiting, best, best+1)
	return u, time.Time{}
}

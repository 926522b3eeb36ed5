package loader

import (
	"math/rand/v2"
	"slices"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/circuit"
	"tapline.dev/services/loader/internal/clevertap"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/recovery"
	"tapline.dev/services/loader/internal/slots"
)

// idleGrace is how long an account without work keeps its slots.
const idleGrace = 2 * time.Second

// account is a CleverTap account as this member uses it. Its fields are under
// the member's mu.
type account struct {
	name    string
	spec    accountSpec
	pool    string   // names the account among the holders of leases
	client  uploader // nil until the definition could be resolved
	uses    clevertap.Account
	stale   bool // refused: its secrets may have been replaced
	limiter *slots.Limiter
	share   *slots.Share
	circuit *circuit.Circuit

	inFlight int
	frozen   bool      // a lease call is under way: no more than pledged in flight
	pledged  int       // what the call says is in use
	holds    bool      // slots are leased
	left     string    // the pool of a lease to be given back, of an earlier definition
	worked   time.Time // when there was work last
	asked    time.Time // when a lease was last asked for

	waiting    []*upload // for their next request
	candidates []*candidate
	announced  map[string]*announcement // by run
}

// candidate is a partition whose next batch goes into the account.
type candidate struct {
	part    *part
	subject string
	run     *schemas.ActiveRun
	policy  delivery.Policy
	fate    recovery.Fate
}

// account returns the account of a name, following its definition. The caller
// holds mu.
func (m *member) account(name string, now time.Time) *account {
	spec := m.Service.accounts.lookup(name)
	a := m.accounts[name]
	if a == nil {
		a = &account{
			name:    name,
			spec:    accountSpec{version: -1},
			limiter: slots.NewLimiter(spec.Slots, m.cfg.GrowInterval),
			share:   m.newShare(spec, now),
			circuit: circuit.New(circuit.Config{
				Threshold: m.cfg.OutageThreshold, Min: m.cfg.BackoffMin, Max: m.cfg.BackoffMax, Jitter: jitter,
			}),
			announced: map[string]*announcement{},
		}
		m.accounts[name] = a
	}
	changed := a.spec.version != spec.version
	if !changed && a.client != nil && !a.stale {
		return a
	}
	if _, _, open := a.circuit.Open(); open && !changed && now.Before(a.circuit.Next()) {
		return a
	}
	a.spec = spec
	a.limiter.SetTotal(spec.Slots)
	a.share.Resize(spec.Slots, m.cfg.MaxReplicas)
	m.dial(a, changed, now)
	return a
}

// dial makes the account's client, or opens its circuit with the reason why it
// cannot. A client that was refused stays if neither the definition nor a secret
// has changed: its circuit goes on to back off.
func (m *member) dial(a *account, changed bool, now time.Time) {
	acc, pool, err := m.Service.accounts.resolve(a.spec, m.cfg.RequestTimeout)
	a.stale = false
	if err == nil && a.client != nil && !changed && acc == a.uses {
		return
	}
	if a.client != nil {
		a.client.Close()
		a.client = nil
	}
	if err != nil {
		a.circuit.Refused("the account cannot be used: "+err.Error(), now, true)
		return
	}
	if a.pool != "" && a.pool != pool { // what is leased says nothing of this one
		a.left, a.share, a.holds = a.pool, m.newShare(a.spec, now), false
	}
	a.client, a.uses, a.pool = m.connect(acc), acc, pool
	a.circuit.Retry(now)
	poke(m.lease)
}

func (m *member) newShare(spec accountSpec, now time.Time) *slots.Share {
	return slots.NewShare(spec.Slots, m.cfg.MaxReplicas, m.cfg.RequestTimeout, 2*m.cfg.LeaseInterval, m.leases != nil, now)
}

func jitter(d time.Duration) time.Duration { return rand.N(d) }

// free is how many more requests may be sent now.
func (a *account) free(now time.Time) int {
	if failpoint.Mistake("loader.no-lease") {
		return a.limiter.Limit(now) - a.inFlight
	}
	most := min(a.limiter.Limit(now), a.share.Slots(now))
	if a.frozen {
		most = min(most, a.pledged)
	}
	return most - a.inFlight
}

// busy says whether the account has anything to send.
func (a *account) busy() bool { return a.inFlight > 0 || len(a.waiting) > 0 || len(a.candidates) > 0 }

// take removes and returns a partition's waiting uploads.
func (a *account) take(p *part) []*upload {
	var taken []*upload
	a.waiting = slices.DeleteFunc(a.waiting, func(u *upload) bool {
		if u.part == p {
			taken = append(taken, u)
			return true
		}
		return false
	})
	return taken
}

// due removes and returns the waiting upload that may go first, or says when
// one may. Those of a partition that drains are put down instead: a request
// more would hold up the drain.
func (a *account) due(now time.Time) (u *upload, again time.Time) {
	best := -1
	for i, w := range a.waiting {
		if w.part.draining {
			continue
		}
		if best < 0 || w.notBefore.Before(a.waiting[best].notBefore) {
			best = i
		}
	}
	if best < 0 {
		return nil, time.Time{}
	}
	u = a.waiting[best]
	if u.notBefore.After(now) {
		return nil, u.notBefore
	}
	a.waiting = slices.Delete(a.waiting, best, best+1)
	return u, time.Time{}
}

func (m *member) closeClients() {
	for _, a := range m.accounts {
		if a.client != nil {
			a.client.Close()
		}
	}
}

// weight is how many turns an import takes for another's one.
func weight(spec *schemas.ImportSpec) int { return max(1, spec.Priority) }

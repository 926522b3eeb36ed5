// Package account knows one CleverTap account as this process uses it: how many
// requests may be in flight (slots, limiter), whether requests are held back and
// why (circuit), which runs were told so (pauses) and what is leased. It holds no
// uploads, does no I/O and is not safe for concurrent use.
package account

import (
	"time"

	"tapline.dev/services/loader/internal/circuit"
	"tapline.dev/services/loader/internal/slots"
)

// Config sizes an account.
type Config struct {
	// Slots is how many requests CleverTap allows the account, Replicas how many
	// processes share them where nothing is leased.
	Slots, Replicas int
	// Leased says that the deployment leases slots from Redis.
	Leased         bool
	RequestTimeout time.Duration
	LeaseInterval  time.Duration
	GrowInterval   time.Duration
	Circuit        circuit.Config
}

// Account is one account. Its owner is one goroutine.
type Account struct {
	cfg       Config
	limiter   *slots.Limiter
	share     *slots.Share
	circuit   *circuit.Circuit
	inFlight  int
	lease     lease
	doubt     bool // somebody wants to know whether the account works
	checking  bool // a request that asks so is under way
	nextCheck time.Time
	pauses    map[string]*pause // by run
}

// New is an account with a closed circuit, of which nothing is leased yet.
func New(cfg Config, now time.Time) *Account {
	a := &Account{
		cfg:     cfg,
		limiter: slots.NewLimiter(cfg.Slots, cfg.GrowInterval),
		circuit: circuit.New(cfg.Circuit),
		pauses:  map[string]*pause{},
	}
	a.share = a.newShare(now)
	return a
}

// Resize follows a changed definition.
func (a *Account) Resize(total int) {
	a.cfg.Slots = total
	a.limiter.SetTotal(total)
	a.share.Resize(total, a.cfg.Replicas)
}

// Free is how many more requests may be sent now.
//
// Invariant 7: what a lease call under way says is in use is an upper bound until
// it is answered, so slots that Redis gives to others are not in use here.
func (a *Account) Free(now time.Time) int {
	most := min(a.limiter.Limit(now), a.share.Slots(now))
	if a.lease.calling {
		most = min(most, a.lease.pledged)
	}
	return most - a.inFlight
}

// Began counts a request that takes a slot, Ended one that gives it back.
func (a *Account) Began() { a.inFlight++ }

// Ended gives a slot back.
func (a *Account) Ended() { a.inFlight-- }

// InFlight is how many requests have a slot.
func (a *Account) InFlight() int { return a.inFlight }

// Limit is how many requests CleverTap is thought to tolerate.
func (a *Account) Limit(now time.Time) int { return a.limiter.Limit(now) }

// Share is a copy of what this process may use, for whoever checks a request that
// is about to be written.
func (a *Account) Share() slots.Share { return *a.share }

// Open says whether, since when and why requests are held back.
func (a *Account) Open() (since time.Time, reason string, open bool) { return a.circuit.Open() }

// NextCheck is when Check may be true next; zero if only an event helps.
func (a *Account) NextCheck() time.Time {
	_, _, open := a.circuit.Open()
	switch {
	case a.checking:
		return time.Time{}
	case open:
		return a.circuit.Next()
	case a.doubt:
		return a.nextCheck
	}
	return time.Time{}
}

// Asks says whether a check is needed although no upload waits: a check was asked for,
// or runs are still reported as waiting for the account.
func (a *Account) Asks() bool { return a.doubt || len(a.pauses) > 0 }

// Doubt asks for a check of an account whose circuit is closed.
func (a *Account) Doubt() { a.doubt = true }

// Check takes the right to ask the account, with a request that stores nothing,
// whether it works: while requests are held back, and where there is a doubt.
func (a *Account) Check(now time.Time) bool {
	_, _, open := a.circuit.Open()
	switch {
	case a.checking, !open && (!a.doubt || now.Before(a.nextCheck)), open && !a.circuit.Probe(now):
		return false
	}
	a.checking = true
	return true
}

// CheckDropped tells that a check was not made.
func (a *Account) CheckDropped(now time.Time) {
	a.checking, a.nextCheck = false, now.Add(a.cfg.Circuit.Min)
	a.circuit.Dropped(now)
}

// Unusable holds requests back because the definition cannot be used.
func (a *Account) Unusable(reason string, now time.Time) { a.circuit.Refused(reason, now, true) }

// Retry lets the next probe go at once, since something was changed.
func (a *Account) Retry(now time.Time) { a.circuit.Retry(now) }

// worked closes the circuit: waiting uploads may be sent, at first one at a time.
func (a *Account) worked(now time.Time) Change {
	if !a.circuit.Worked() {
		return Works
	}
	a.limiter.Restart(now)
	return Resumed
}

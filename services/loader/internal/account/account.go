// Package account knows one CleverTap account as this process uses it: how many
// requests may be in flight (slots, limiter), whether requests are held back and
// why (circuit), for which runs that was reported (pauses) and what is leased. It holds no
// uploads, does no I/O and is not safe for concurrent use.
package account

import (
	"time"

	"tapline.dev/schemas"
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
	cfg            Config
	limiter        *slots.Limiter
	share          *slots.Share
	circuit        *circuit.Circuit
	inFlight       int
	lease          lease
	probeRequested bool // a probe is to be sent although the circuit is closed
	probing        bool // a probe is under way
	nextProbe      time.Time
	pauses         map[string]*pause // by run
}

// New is an account with a closed circuit, of which nothing is leased yet.
func New(cfg Config) *Account {
	a := &Account{
		cfg:     cfg,
		limiter: slots.NewLimiter(cfg.Slots, cfg.GrowInterval),
		circuit: circuit.New(cfg.Circuit),
		pauses:  map[string]*pause{},
	}
	a.share = a.newShare()
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
		most = min(most, a.lease.reported)
	}
	return most - a.inFlight
}

// Leasing reports whether a lease call is under way. Until its answer, Free allows only
// the requests that the call has reported as in flight.
func (a *Account) Leasing() bool { return a.lease.calling }

// RequestBegan counts a request that takes a slot, RequestEnded one that gives it back.
func (a *Account) RequestBegan() { a.inFlight++ }

// RequestEnded gives a slot back.
func (a *Account) RequestEnded() { a.inFlight-- }

// InFlight is how many requests have a slot.
func (a *Account) InFlight() int { return a.inFlight }

// Limit is how many requests CleverTap is thought to tolerate.
func (a *Account) Limit(now time.Time) int { return a.limiter.Limit(now) }

// Share is a copy of what this process may use, for whoever checks a request that
// is about to be written.
func (a *Account) Share() slots.Share { return *a.share }

// Open reports whether, since when and why requests are held back.
func (a *Account) Open() (since time.Time, reason string, open bool) { return a.circuit.Open() }

// CredentialsRefused reports whether requests are held back because CleverTap refuses the
// account's credentials.
func (a *Account) CredentialsRefused() bool {
	_, reason, _ := a.circuit.Open()
	return codeOf(reason) == schemas.WaitingCredentials
}

// NextProbe is when TryProbe may return true next; zero if only an event helps.
func (a *Account) NextProbe() time.Time {
	_, _, open := a.circuit.Open()
	switch {
	case a.probing:
		return time.Time{}
	case open:
		return a.circuit.Next()
	case a.probeRequested:
		return a.nextProbe
	}
	return time.Time{}
}

// ProbeNeeded reports whether a probe is needed although no upload waits: one was requested,
// or runs are still reported as waiting for the account.
func (a *Account) ProbeNeeded() bool { return a.probeRequested || len(a.pauses) > 0 }

// RequestProbe asks for a probe of an account whose circuit is closed.
func (a *Account) RequestProbe() { a.probeRequested = true }

// TryProbe takes the right to send a probe, a request that stores nothing and shows
// whether the account works: while requests are held back, and where one was requested.
func (a *Account) TryProbe(now time.Time) bool {
	_, _, open := a.circuit.Open()
	switch {
	case a.probing, !open && (!a.probeRequested || now.Before(a.nextProbe)), open && !a.circuit.Probe(now):
		return false
	}
	a.probing = true
	return true
}

// ProbeDropped notes that a probe was not sent.
func (a *Account) ProbeDropped(now time.Time) {
	a.probing, a.nextProbe = false, now.Add(a.cfg.Circuit.Min)
	a.circuit.Dropped(now)
}

// Unusable holds requests back because the definition cannot be used.
func (a *Account) Unusable(reason string, now time.Time) { a.circuit.Refused(reason, now, true) }

// Retry lets the next probe go at once, because something about the account has changed.
func (a *Account) Retry(now time.Time) { a.circuit.Retry(now) }

// worked closes the circuit: waiting uploads may be sent, at first one at a time.
func (a *Account) worked(now time.Time) Change {
	if !a.circuit.Worked() {
		return Working
	}
	a.limiter.Restart(now)
	return Resumed
}

// Package account knows one CleverTap account as this process uses it: how many
// requests may be in flight (slots, limiter), whether requests are held back and
// why (circuit), which runs were told so (pauses) and what is leased. It holds no
// uploads, does no I/O and is not safe for concurrent use.
package account

import (
	"fmt"
	"time"

	"tapline.dev/services/loader/internal/circuit"
	"tapline.dev/services/loader/internal/clevertap"
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
	cfg      Config
	limiter  *slots.Limiter
	share    *slots.Share
	circuit  *circuit.Circuit
	inFlight int
	lease    lease
	pauses   map[string]*pause // by run
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

// NextProbe is when the next single request may go while the circuit is open;
// zero while one is under way.
func (a *Account) NextProbe() time.Time { return a.circuit.Next() }

// Probe takes the right to send the probe that is due.
func (a *Account) Probe(now time.Time) bool { return a.circuit.Probe(now) }

// ProbeDropped tells that the probe ended without an answer that says anything.
func (a *Account) ProbeDropped(now time.Time) { a.circuit.Dropped(now) }

// Unusable holds requests back because the definition cannot be used.
func (a *Account) Unusable(reason string, now time.Time) { a.circuit.Refused(reason, now, true) }

// Retry lets the next probe go at once, since something was changed.
func (a *Account) Retry(now time.Time) { a.circuit.Retry(now) }

// Answer is what an account learns from.
type Answer struct {
	clevertap.Result
	Began time.Time // of the request
	Probe bool      // the request asked whether the account is back
}

// Change is what an answer made of the account.
type Change int

// Changes.
const (
	Same    Change = iota // nothing new
	Works                 // the account takes requests, as before
	Paused                // requests are held back from now on
	Resumed               // they flow again
)

// Learn tells the limiter and the circuit what an answer says of the account.
//
// Invariant 8: no answer that is about the account or the moment touches a
// record.
func (a *Account) Learn(answer Answer, now time.Time) Change {
	switch answer.Kind {
	case clevertap.Done, clevertap.Malformed, clevertap.TooLarge:
		a.limiter.Answered(now)
		return a.worked(now)
	case clevertap.Throttled:
		a.limiter.Throttled(answer.Began, now)
		return a.worked(now)
	case clevertap.AuthRefused:
		return a.refused(answer, now, fmt.Sprintf("CleverTap refuses the account's credentials (HTTP %d); check accountId, passcode and region", answer.Status))
	case clevertap.ConfigFault:
		return a.refused(answer, now, fmt.Sprintf("the account's endpoint does not take uploads (HTTP %d)", answer.Status))
	}
	switch answer.Cause {
	case clevertap.CauseRefusedHere, clevertap.CauseCancelled:
		// The request ended before it could say anything of the account.
		if answer.Probe {
			a.circuit.Dropped(now)
		}
		return Same
	case clevertap.CauseStatus:
		return a.failed(answer, now, fmt.Sprintf("CleverTap answers with HTTP %d", answer.Status))
	}
	if answer.Kind == clevertap.NotSent {
		return a.failed(answer, now, "CleverTap cannot be reached ("+answer.Cause+")")
	}
	return a.failed(answer, now, "CleverTap does not answer as it should ("+answer.Cause+")")
}

// refused opens the circuit at once.
func (a *Account) refused(answer Answer, now time.Time, reason string) Change {
	_, _, before := a.circuit.Open()
	a.circuit.Refused(reason, now, answer.Probe)
	return a.paused(before)
}

// failed counts a transient fault.
func (a *Account) failed(answer Answer, now time.Time, reason string) Change {
	_, _, before := a.circuit.Open()
	a.circuit.Failed(reason, now, answer.Probe)
	return a.paused(before)
}

func (a *Account) paused(before bool) Change {
	if _, _, open := a.circuit.Open(); open && !before {
		return Paused
	}
	return Same
}

// worked closes the circuit: what waited may go, one by one at first.
func (a *Account) worked(now time.Time) Change {
	if !a.circuit.Worked() {
		return Works
	}
	a.limiter.Restart(now)
	return Resumed
}

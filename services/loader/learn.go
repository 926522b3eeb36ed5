package loader

import (
	"fmt"
	"time"

	"tapline.dev/services/loader/internal/circuit"
	"tapline.dev/services/loader/internal/clevertap"
	"tapline.dev/services/loader/internal/delivery"
)

// until is when the upload's next request may go.
func (m *member) until(u *upload, wait delivery.Wait, res clevertap.Result, now time.Time) time.Time {
	backoff := func() time.Time {
		d := circuit.Backoff(u.failures, m.cfg.BackoffMin, m.cfg.BackoffMax, jitter)
		u.failures++
		return now.Add(max(d, res.RetryAfter))
	}
	switch {
	case wait == delivery.Go, wait == delivery.Finished:
		u.failures = 0
		return now
	case res.Cause == clevertap.CauseRefusedHere:
		return now.Add(m.cfg.Linger)
	case wait == delivery.Horizon:
		return maxTime(backoff(), u.began.Add(m.cfg.RequestTimeout))
	}
	return backoff()
}

// learn tells the account's limiter and circuit what an answer says of it. The
// caller holds mu.
//
// Invariant 8: no answer that is about the account or the moment touches a
// record.
func (m *member) learn(u *upload, res clevertap.Result, now time.Time) {
	a := u.account
	switch res.Kind {
	case clevertap.Done, clevertap.Malformed, clevertap.TooLarge:
		a.limiter.Answered(now)
		m.worked(a, now)
	case clevertap.Throttled:
		a.limiter.Throttled(u.began, now)
		m.worked(a, now)
	case clevertap.AuthRefused:
		a.stale = a.stale || u.client == a.client
		m.open(u, now, fmt.Sprintf("CleverTap refuses the account's credentials (HTTP %d); check accountId, passcode and region", res.Status), true)
	case clevertap.ConfigFault:
		m.open(u, now, fmt.Sprintf("the account's endpoint does not take uploads (HTTP %d)", res.Status), true)
	case clevertap.NotSent:
		switch res.Cause {
		case clevertap.CauseRefusedHere, clevertap.CauseCancelled:
			m.unasked(u, now)
		default:
			m.open(u, now, "CleverTap cannot be reached ("+res.Cause+")", false)
		}
	default:
		if res.Cause == clevertap.CauseCancelled {
			m.unasked(u, now)
			return
		}
		reason := "CleverTap does not answer as it should (" + res.Cause + ")"
		if res.Cause == clevertap.CauseStatus {
			reason = fmt.Sprintf("CleverTap answers with HTTP %d", res.Status)
		}
		m.open(u, now, reason, false)
	}
}

// unasked: the request ended before it could say anything of the account.
func (m *member) unasked(u *upload, now time.Time) {
	if u.probe {
		u.account.circuit.Dropped(now)
	}
}

// open counts a fault of the account, or opens its circuit at once.
func (m *member) open(u *upload, now time.Time, reason string, atOnce bool) {
	a := u.account
	_, _, before := a.circuit.Open()
	if atOnce {
		a.circuit.Refused(reason, now, u.probe)
	} else {
		a.circuit.Failed(reason, now, u.probe)
	}
	if _, _, after := a.circuit.Open(); after && !before {
		m.log().WarnContext(m.work, "account paused", "account", a.name, "reason", reason)
	}
}

// worked closes the circuit: what waited may go, one by one at first.
func (m *member) worked(a *account, now time.Time) {
	if a.circuit.Worked() {
		m.log().InfoContext(m.work, "account resumed", "account", a.name)
		a.limiter.Restart(now)
	}
	m.announceOver(a)
}

package account

import (
	"fmt"
	"strings"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// Answer is the answer to a request, as the account's limiter and circuit see it.
type Answer struct {
	clevertap.Result
	Began time.Time // of the request
	// MayBeRecordsFault says that the request failed before, in a way that may be its
	// records' fault.
	MayBeRecordsFault bool
}

// Change is how an answer has changed the account.
type Change int

// Changes.
const (
	NoChange Change = iota // nothing new
	Working                // the account takes requests, as before
	Paused                 // requests are held back from now on
	Resumed                // requests may be sent again
)

// Learn tells the limiter and the circuit what an answer says of the account.
//
// Invariant 8: an answer about the account, or one that is transient, decides no record.
func (a *Account) Learn(answer Answer, now time.Time) Change {
	switch {
	case answer.Kind == clevertap.Done && !answer.All555(), answer.Kind == clevertap.Malformed, answer.Kind == clevertap.TooLarge:
		a.limiter.Answered(now)
		return a.worked(now)
	case answer.Kind == clevertap.Throttled:
		// The limiter lowers the number of requests in flight. If CleverTap throttles
		// even a single one, something else uses the account up, and the circuit counts
		// it as a failure.
		last := a.limiter.Limit(now) == 1
		a.limiter.Throttled(answer.Began, now)
		if !last {
			return NoChange
		}
	case answer.Kind == clevertap.AuthRefused, answer.Kind == clevertap.ConfigFault:
		_, _, before := a.circuit.Open()
		a.circuit.Refused(reasonOf(answer.Result), now, false)
		return a.paused(before)
	case answer.Cause == clevertap.CauseRefusedHere, answer.Cause == clevertap.CauseCancelled:
		return NoChange // the request ended before it could say anything of the account
	}
	if answer.MayBeRecordsFault || answer.Kind == clevertap.Done && len(answer.Outcomes) == 1 {
		a.probeRequested = true
		return NoChange
	}
	_, _, before := a.circuit.Open()
	a.circuit.Failed(reasonOf(answer.Result), now, false)
	return a.paused(before)
}

// Probed ends a probe with the answer to it.
func (a *Account) Probed(answer Answer, now time.Time) Change {
	a.probing, a.nextProbe = false, now.Add(a.cfg.Circuit.Min)
	_, _, before := a.circuit.Open()
	switch {
	case answer.Kind == clevertap.Done && !answer.All555(), answer.Kind == clevertap.Malformed && answer.Settled, answer.Kind == clevertap.TooLarge && answer.Settled:
		a.probeRequested = false
		if !before {
			return Working
		}
		a.circuit.Recovered()
		a.limiter.Restart(now)
		return Resumed
	case answer.Cause == clevertap.CauseRefusedHere, answer.Cause == clevertap.CauseCancelled:
		a.circuit.Dropped(now)
		return NoChange
	}
	a.circuit.Refused(reasonOf(answer.Result), now, true)
	return a.paused(before)
}

func (a *Account) paused(before bool) Change {
	if _, _, open := a.circuit.Open(); open && !before {
		return Paused
	}
	return NoChange
}

// credentialsRefused begins the reason of a wait for an account whose credentials
// CleverTap refuses.
const credentialsRefused = "CleverTap refuses the account's credentials"

// codeOf is the code of a reason to wait, "" if it has none of its own.
func codeOf(reason string) string {
	if strings.HasPrefix(reason, credentialsRefused) {
		return schemas.WaitingCredentials
	}
	return ""
}

// reasonOf says why requests are held back after an answer.
func reasonOf(res clevertap.Result) string {
	switch {
	case res.Kind == clevertap.AuthRefused:
		return fmt.Sprintf(credentialsRefused+" (HTTP %d); check accountId, passcode and region", res.Status)
	case res.Kind == clevertap.ConfigFault:
		return fmt.Sprintf("the account's endpoint does not take uploads (HTTP %d)", res.Status)
	case res.Kind == clevertap.Blocked:
		return fmt.Sprintf("a firewall in front of CleverTap refuses requests (HTTP %d)", res.Status)
	case res.Kind == clevertap.Throttled:
		return fmt.Sprintf("CleverTap takes no request, because the account has too many (HTTP %d): something else may use it up", res.Status)
	case res.Kind == clevertap.Done:
		return "CleverTap answers with code 555, miscellaneous server error, for whole uploads"
	case res.Kind == clevertap.NotSent:
		return "CleverTap cannot be reached (" + res.Cause + ")"
	case res.Cause == clevertap.CauseStatus:
		return fmt.Sprintf("CleverTap answers with HTTP %d", res.Status)
	}
	return "CleverTap does not answer as it should (" + res.Cause + ")"
}

package listing

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"tapline.dev/schemas"
)

// Conditions of an import: the colour of its health, or the reason why it has none.
const (
	Green              = "green"  // everything got through
	Yellow             = "yellow" // half of it at least, and not all
	Red                = "red"    // less than half
	NeverRun           = "neverRun"
	FirstRun           = "firstRun" // is going on
	NoRows             = "noRows"   // the newest run read none
	CredentialsRefused = "credentialsRefused"
	Held               = "held"  // waits for a person
	Stale              = "stale" // later than its schedule allows
	Failed             = "failed"
)

// condition says how an import is, the most urgent first, and why.
func condition(l *schemas.Listing, d schemas.Definition, s schemas.State, missed time.Time) (string, string) {
	first := s.LastEnded == nil && l.LastSuccess == "" && l.Health == nil
	switch {
	case l.HeldBecause != nil:
		return Held, l.LastRun + " waits for a person: " + l.HeldBecause.Reason
	case l.Waiting != nil && l.Waiting.Code == schemas.WaitingCredentials:
		return CredentialsRefused, l.Waiting.Account + ": " + l.Waiting.Reason
	case credentialsFailed(l):
		return CredentialsRefused, l.LastRun + " failed: the credentials of " + d.Spec.Source.ConnectionRef + " were refused or could not be read (" + l.LastRunError + ")"
	case !missed.IsZero():
		return Stale, "no run that began at " + missed.UTC().Format(time.RFC3339) + " or later has succeeded"
	case first && s.Active != nil:
		return FirstRun, l.LastRun + " is the first run and goes on"
	case first:
		return NeverRun, "no run has ended yet"
	case l.Health == nil:
		return Failed, l.LastRun + " ended as " + l.LastRunState + " before it read a row"
	case s.Active == nil && l.LastRunRead == 0 && Succeeded(l.LastRunState):
		return NoRows, l.LastRun + " read no rows: nothing has changed since the run before"
	}
	return Colour(*l.Health), Percent(*l.Health) + " of the records got through" + rejected(l)
}

func credentialsFailed(l *schemas.Listing) bool {
	return l.LastRunState == schemas.StateFailed && (l.LastRunError == "snowflake_auth" || l.LastRunError == "secret_unresolved")
}

func rejected(l *schemas.Listing) string {
	switch l.OpenRejects {
	case 0:
		return ""
	case 1:
		return "; 1 row is rejected"
	}
	return fmt.Sprintf("; %d rows are rejected", l.OpenRejects)
}

// Colour is the colour of a share. Only all of it is green: 0.99995 is not.
func Colour(share float64) string {
	switch {
	case share >= 1:
		return Green
	case share >= 0.5:
		return Yellow
	}
	return Red
}

// Percent is a share as a text, rounded down: if one row in a million did not get
// through, that is not 100 %.
func Percent(share float64) string {
	if share >= 1 {
		return "100 %"
	}
	// The small amount corrects the error of binary fractions.
	return strconv.FormatFloat(math.Floor(share*10_000+1e-9)/100, 'f', 2, 64) + " %"
}

package delivery

import (
	"slices"

	"tapline.dev/schemas"
)

// Codes of rejects that the loader itself gives.
const (
	CodeAmbiguous  = "ambiguous"          // written, answer unknown, and the import holds such records or sent it too often
	CodeMalformed  = "request_malformed"  // CleverTap refused the request with this record alone in it
	CodeTooLarge   = "record_too_large"   // the record alone is more than CleverTap takes
	CodeBlocked    = "request_blocked"    // a firewall refuses the request with this record alone in it
	CodeUnanswered = "request_unanswered" // CleverTap does not answer as it should to this record alone
	CodeUnknownRun = "unknown_run"        // of a run that was never started
)

// Policy is how an import's records may be sent again.
type Policy int

// Policies.
const (
	// Replace is for profiles without operators: the last write wins, so a record may be
	// sent again as long as it is its identity's newest.
	Replace Policy = iota
	// Resend is for events, and for profiles with operators, that may be sent
	// twice.
	Resend
	// Hold is for those that may not: a record that may or may not be stored is rejected
	// as ambiguous, for a person to decide.
	Hold
)

// PolicyOf is the policy of an import's records.
func PolicyOf(spec *schemas.ImportSpec) Policy {
	hasOperator := func(p schemas.Property) bool { return p.Op != "" }
	switch {
	case spec.Destination.Type == schemas.TypeProfile && !slices.ContainsFunc(spec.Mapping, hasOperator):
		return Replace
	case spec.Destination.OnAmbiguous == schemas.AmbiguousHold:
		return Hold
	}
	return Resend
}

// Outcome is what became of a record. The zero value is undecided.
type Outcome struct {
	Loaded bool
	Code   string // of a reject
	Reason string
	Skip   string // reason of a skip
}

// Held is the outcome of an ambiguous record under the policy Hold.
var Held = Outcome{Code: CodeAmbiguous, Reason: "sent, but whether CleverTap applied it is unknown"}

// SentTooOften is the outcome of a record that more than MaxResends requests may have
// applied.
var SentTooOften = Outcome{Code: CodeAmbiguous, Reason: "sent as often as an event may be, and CleverTap never said whether it applied it"}

// Decided reports whether an outcome is final.
func (o Outcome) Decided() bool { return o != Outcome{} }

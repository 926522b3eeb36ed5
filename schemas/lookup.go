package schemas

import (
	"encoding/json"
	"time"
)

// Lookup asks a loader what CleverTap holds of a person now. Its topic keeps it for
// TrialRetention at most, because it holds an identity.
type Lookup struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	By      string `json:"by"` // LookupIdentity or LookupObjectID
	Value   string `json:"value"`
	// Until is when whoever asks waits no longer: no loader asks CleverTap after it.
	Until time.Time `json:"until"`
}

// What a profile is looked up by.
const (
	LookupIdentity = "identity"
	LookupObjectID = "objectId"
)

// MaxProfileBytes bounds a profile in an answer.
const MaxProfileBytes = 256 << 10

// LookupAnswer is what came of a look-up. Profile is CleverTap's record of the person, as
// it came, if Outcome is LookupFound.
type LookupAnswer struct {
	ID      string          `json:"id"`
	Account string          `json:"account"`
	Outcome string          `json:"outcome"`
	Reason  string          `json:"reason,omitempty"`
	Profile json.RawMessage `json:"profile,omitempty"`
	Time    time.Time       `json:"time"`
	Millis  int64           `json:"millis"`
}

// Outcomes of a look-up.
const (
	LookupFound      = "found"
	LookupNotFound   = "notFound"
	LookupRefused    = "refused"    // CleverTap refuses the account's credentials
	LookupUnusable   = "unusable"   // the account's definition or its secrets cannot be used
	LookupFrozen     = "frozen"     // a freeze lets nothing be sent to the account
	LookupTooLarge   = "tooLarge"   // CleverTap's answer is larger than MaxProfileBytes
	LookupUnanswered = "unanswered" // CleverTap gave no answer that could be read
)

package schemas

import (
	"encoding/json"
	"time"
)

// Actions that the audit topic records.
const (
	AuditApply   = "apply"
	AuditDelete  = "delete"
	AuditCommand = "command"
	// AuditRead is of answers that show rows of people: previews, samples, rejects.
	AuditRead = "read"
	// AuditSignIn and AuditSignOut are of people in a browser.
	AuditSignIn  = "sign-in"
	AuditSignOut = "sign-out"
)

// AuditEntry is the value of the audit topic: who changed what, and who looked at
// rows. Actor is the proven name of a caller, such as key:ci or oidc:maya@example.com;
// it is what the client said where nobody signs in. Before and After
// are the record's values in the topic that was changed; Before is absent for
// something new, After for something deleted. Secrets in them are references.
type AuditEntry struct {
	Actor  string          `json:"actor"`
	Action string          `json:"action"`
	Kind   string          `json:"kind"` // of the definition, or of the command
	Name   string          `json:"name"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Role   string          `json:"role,omitempty"` // of the actor
	// ApprovedBy is the second person, of a change that needed one.
	ApprovedBy  string    `json:"approvedBy,omitempty"`
	From        string    `json:"from,omitempty"` // the connection's address
	RequestID   string    `json:"requestId,omitempty"`
	Traceparent string    `json:"traceparent,omitempty"`
	Time        time.Time `json:"time"`
}

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
)

// AuditEntry is the value of the audit topic: who changed what. Before and After
// are the record's values in the topic that was changed; Before is absent for
// something new, After for something deleted. Secrets in them are references.
type AuditEntry struct {
	Actor       string          `json:"actor"`
	Action      string          `json:"action"`
	Kind        string          `json:"kind"` // of the definition, or of the command
	Name        string          `json:"name"`
	Before      json.RawMessage `json:"before,omitempty"`
	After       json.RawMessage `json:"after,omitempty"`
	Traceparent string          `json:"traceparent,omitempty"`
	Time        time.Time       `json:"time"`
}

package schemas

import (
	"encoding/json"
	"time"
)

// KindApproval is the kind under which changes that wait for a second person stand
// in the resources topic. It is not a kind that documents can have: Import Center
// alone makes and removes them.
const KindApproval = "Approval"

// What a second person may be asked for. ApprovalCommand is of the command that the
// spec holds.
const (
	ApprovalApply   = "apply"
	ApprovalDelete  = "delete"
	ApprovalCommand = "command"
)

// ApprovalSpec is the spec of an Approval resource: what somebody has asked for, and
// nobody else has approved yet. What is asked for is kept whole, so that what is
// approved is what was asked for.
type ApprovalSpec struct {
	Action string `json:"action"`
	// Imports are those that the action concerns, with their generations when it was
	// asked for: 0 of one that was not there.
	Imports map[string]int `json:"imports"`
	// Documents are of an apply, which leaves the queries unchecked if Offline is set.
	Documents []json.RawMessage `json:"documents,omitempty"`
	Offline   bool              `json:"offline,omitempty"`
	// ManagedBy and Prune are of an apply: where its documents come from, and the labels
	// of what it removes.
	ManagedBy *ManagedBy        `json:"managedBy,omitempty"`
	Prune     map[string]string `json:"prune,omitempty"`
	// Plan names what the apply would have done when it was asked for.
	Plan string `json:"plan,omitempty"`
	// DropUnknown is of an apply that takes out what a newer version has written.
	DropUnknown bool `json:"dropUnknown,omitempty"`
	// Topics and CancelActive are of a deletion: keep or remove, and whether the active
	// run is cancelled.
	Topics       string `json:"topics,omitempty"`
	CancelActive bool   `json:"cancelActive,omitempty"`
	// Command is of a command; Confirm is what was agreed to with it.
	Command   *Command  `json:"command,omitempty"`
	Confirm   string    `json:"confirm,omitempty"`
	By        string    `json:"by"`
	Role      string    `json:"role"`
	Since     time.Time `json:"since"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// WaitsFor is a change of an import that waits for a second person.
type WaitsFor struct {
	Name   string    `json:"name"`
	Action string    `json:"action"`
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
}

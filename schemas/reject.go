package schemas

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Stages of the pipeline that reject rows.
const (
	StageExtract = "extract"
	StageMap     = "map"
	StageLoad    = "load"
)

// Reject is the value of the rejects topic: a row that did not become a loaded
// record, and why. Row and Record carry what the stage had; a reject that would
// be too large carries only its coordinates.
type Reject struct {
	Stage    string `json:"stage"`
	Code     string `json:"code"`
	Class    string `json:"class"` // data | config
	Column   string `json:"column,omitempty"`
	Property string `json:"property,omitempty"`
	Reason   string `json:"reason"`
	// Omitted marks a failed check of a dry run that rejects nothing: onInvalid
	// leaves the property out.
	Omitted   bool            `json:"omitted,omitempty"`
	Import    string          `json:"import"`
	Run       string          `json:"run"`
	Attempt   int             `json:"attempt"`
	ID        string          `json:"id"`
	Topic     string          `json:"topic,omitempty"` // where the row or record lies
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Row       json.RawMessage `json:"row,omitempty"`
	Record    json.RawMessage `json:"record,omitempty"`
	// Identity is the row's key. It is missing if the row has none, or one that is longer
	// than MaxRejectIdentity bytes.
	Identity string `json:"identity,omitempty"`
	// Clock is the HeaderClock of the row or record, 0 if it has none.
	Clock int64 `json:"clock,omitempty"`
	// ReplayOf is the reject that a replay took and of which this one came.
	ReplayOf *RejectRef `json:"replayOf,omitempty"`
	Time     time.Time  `json:"time"`
}

// MaxRejectIdentity bounds Reject.Identity: a reject is at most as large as its row and
// what its stage allows for the rest.
const MaxRejectIdentity = 1024

// RejectIdentity is the identity of a reject whose row has this key.
func RejectIdentity(key []byte) string {
	if len(key) > MaxRejectIdentity || !utf8.Valid(key) {
		return ""
	}
	return string(key)
}

package schemas

import (
	"encoding/json"
	"time"
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
	Time      time.Time       `json:"time"`
}

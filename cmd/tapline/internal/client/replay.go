package client

import (
	"context"
	"net/http"
	"time"

	"tapline.dev/schemas"
)

// Replay says which rejects are sent, and how.
type Replay struct {
	Run    string              `json:"run,omitempty"`
	Code   string              `json:"code,omitempty"`
	Stage  string              `json:"stage,omitempty"`
	Column string              `json:"column,omitempty"`
	Since  *time.Time          `json:"since,omitempty"`
	Until  *time.Time          `json:"until,omitempty"`
	Refs   []schemas.RejectRef `json:"refs,omitempty"`
	How    string              `json:"how,omitempty"`
}

// ReplayPlan is what a replay would do.
type ReplayPlan struct {
	Import    string          `json:"import"`
	Rejects   int64           `json:"rejects"`
	Replayed  int64           `json:"replayed,omitempty"`
	Ambiguous int64           `json:"ambiguous,omitempty"`
	Groups    []RejectsOfCode `json:"groups"`
	WouldMap  int64           `json:"wouldMap"`
	Unknown   int64           `json:"unknown,omitempty"`
	Calls     int64           `json:"calls"`
	Queries   int64           `json:"queries"`
	Complete  bool            `json:"complete"`
	Notes     []string        `json:"notes,omitempty"`
}

// RejectsOfCode counts the rejects of one code.
type RejectsOfCode struct {
	Code     string `json:"code"`
	Rejects  int64  `json:"rejects"`
	WouldMap int64  `json:"wouldMap"`
}

// Replay sends what earlier runs have rejected.
func (c *Client) Replay(ctx context.Context, importName string, r Replay, key string, agreed Agreement) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, importPath(importName)+"/replays"+agreed.query(), keyed(key), r, &out)
}

// PlanReplay says what a replay would do.
func (c *Client) PlanReplay(ctx context.Context, importName string, r Replay) (ReplayPlan, error) {
	var out ReplayPlan
	return out, c.doWithin(ctx, 5*time.Minute, http.MethodPost, importPath(importName)+"/replays/plan", nil, r, &out)
}

package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"tapline.dev/schemas"
)

// Verification is what comparing an import with CleverTap has shown.
type Verification struct {
	Run        schemas.Run        `json:"run"`
	Type       string             `json:"type"`
	Whole      bool               `json:"whole"`
	Population int64              `json:"population"`
	People     VerifiedPeople     `json:"people"`
	Interval   *Interval          `json:"interval"`
	Properties []VerifiedProperty `json:"properties"`
	Rows       []Verified         `json:"rows"`
	Done       bool               `json:"done"`
}

// VerifiedPeople counts people by what was found.
type VerifiedPeople struct {
	Compared      int64 `json:"compared"`
	Equal         int64 `json:"equal"`
	Differs       int64 `json:"differs"`
	Missing       int64 `json:"missing"`
	NotComparable int64 `json:"notComparable"`
	Unknown       int64 `json:"unknown"`
	Older         int64 `json:"older"`
	Rejected      int64 `json:"rejected"`
	Suppressed    int64 `json:"suppressed"`
	Asked         int64 `json:"asked"`
	NotInSource   int64 `json:"notInSource"`
}

// Interval is what a sample says of everybody.
type Interval struct {
	Share      float64 `json:"share"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
	Method     string  `json:"method"`
}

// VerifiedProperty counts what became of one property.
type VerifiedProperty struct {
	Property      string `json:"property"`
	Equal         int64  `json:"equal"`
	Differs       int64  `json:"differs"`
	NotComparable int64  `json:"notComparable"`
	Reason        string `json:"reason"`
}

// Verified is somebody for whom CleverTap does not hold what would be sent.
type Verified struct {
	Identity string          `json:"identity"`
	Result   string          `json:"result"`
	Reason   string          `json:"reason"`
	Values   []VerifiedValue `json:"values"`
	Waits    bool            `json:"waits"`
	Changed  string          `json:"changed"`
}

// VerifiedValue is a property that is not equal.
type VerifiedValue struct {
	Property string          `json:"property"`
	Result   string          `json:"result"`
	Ours     json.RawMessage `json:"ours"`
	Theirs   json.RawMessage `json:"theirs"`
	Sent     *time.Time      `json:"sent"`
	Reason   string          `json:"reason"`
}

// VerifyQuery says who is looked at: these people, or so many rows at random.
type VerifyQuery struct {
	Rows       int      `json:"rows,omitempty"`
	Identities []string `json:"identities,omitempty"`
}

// StartVerification compares rows with what CleverTap holds of their people.
func (c *Client) StartVerification(ctx context.Context, importName, key string, q VerifyQuery) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, importPath(importName)+"/verifications", keyed(key), q, &out)
}

// Verification reads what a verification has shown. It returns the answer as it came too.
func (c *Client) Verification(ctx context.Context, run string) (Verification, json.RawMessage, error) {
	var text json.RawMessage
	var out Verification
	err := c.doWithin(ctx, 5*time.Minute, http.MethodGet, "/v1/verifications/"+url.PathEscape(run), nil, nil, &text)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, text, err
}

// Repair sends the people whom a verification has found to differ.
func (c *Client) Repair(ctx context.Context, verification, key string, agreed Agreement) (schemas.Run, error) {
	var out schemas.Run
	return out, c.doWithin(ctx, 5*time.Minute, http.MethodPost, "/v1/verifications/"+url.PathEscape(verification)+"/repair"+agreed.query(), keyed(key), nil, &out)
}

// Reconcile sends what has come behind the watermark since the last baseline.
func (c *Client) Reconcile(ctx context.Context, importName, key string, baseline bool) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, importPath(importName)+"/reconciliations", keyed(key), map[string]bool{"baseline": baseline}, &out)
}

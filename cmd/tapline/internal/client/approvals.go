package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Approval is a change that waits for a second person.
type Approval struct {
	Name      string          `json:"name"`
	Action    string          `json:"action"`
	Imports   []string        `json:"imports"`
	Run       string          `json:"run,omitempty"`
	By        string          `json:"by"`
	Role      string          `json:"role"`
	Since     time.Time       `json:"since"`
	ExpiresAt time.Time       `json:"expiresAt"`
	Changes   json.RawMessage `json:"changes,omitempty"`
}

// Approvals lists what waits for a second person.
func (c *Client) Approvals(ctx context.Context) (List[Approval], error) {
	var out List[Approval]
	return out, c.do(ctx, http.MethodGet, "/v1/approvals", nil, nil, &out)
}

// Approval reads one change that waits, and what it would do now.
func (c *Client) Approval(ctx context.Context, name string) (Approval, error) {
	var out Approval
	return out, c.do(ctx, http.MethodGet, "/v1/approvals/"+url.PathEscape(name), nil, nil, &out)
}

// ApproveChange approves and makes a change that somebody else has asked for.
func (c *Client) ApproveChange(ctx context.Context, name string) (Approval, error) {
	var out Approval
	return out, c.doWithin(ctx, applyTimeout, http.MethodPost, "/v1/approvals/"+url.PathEscape(name)+"/approve", nil, nil, &out)
}

// DeclineChange declines a change.
func (c *Client) DeclineChange(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodPost, "/v1/approvals/"+url.PathEscape(name)+"/decline", nil, nil, nil)
}

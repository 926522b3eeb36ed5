package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Session is a person who is signed in with a browser.
type Session struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Role       string    `json:"role"`
	From       string    `json:"from,omitempty"`
	BeganAt    time.Time `json:"beganAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	EndsAt     time.Time `json:"endsAt"`
}

// Sessions lists who is signed in with a browser.
func (c *Client) Sessions(ctx context.Context) (List[Session], error) {
	var out List[Session]
	return out, c.do(ctx, http.MethodGet, "/v1/sessions", nil, nil, &out)
}

// EndSession ends a session.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/sessions/"+url.PathEscape(id), nil, nil, nil)
}

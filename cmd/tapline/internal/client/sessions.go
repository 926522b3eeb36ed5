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
	RoleName   string    `json:"roleName,omitempty"`
	From       string    `json:"from,omitempty"`
	BeganAt    time.Time `json:"beganAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	EndsAt     time.Time `json:"endsAt"`
	Current    bool      `json:"current,omitempty"`
}

// Whose sessions are meant.
const (
	OfAll    = "/v1/sessions"
	OfCaller = "/v1/caller/sessions"
)

// Sessions lists who is signed in with a browser, or where the caller is.
func (c *Client) Sessions(ctx context.Context, whose string) (List[Session], error) {
	var out List[Session]
	return out, c.do(ctx, http.MethodGet, whose, nil, nil, &out)
}

// EndSession ends a session.
func (c *Client) EndSession(ctx context.Context, whose, id string) error {
	return c.do(ctx, http.MethodDelete, whose+"/"+url.PathEscape(id), nil, nil, nil)
}

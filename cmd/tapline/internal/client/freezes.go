package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"tapline.dev/schemas"
)

// NewFreeze is what is to be frozen.
type NewFreeze struct {
	Account  string            `json:"account,omitempty"`
	Selector *schemas.Selector `json:"selector,omitempty"`
	Reason   string            `json:"reason,omitempty"`
}

// Freeze is a freeze in force.
type Freeze struct {
	Name string `json:"name"`
	NewFreeze
	By      string    `json:"by"`
	Since   time.Time `json:"since"`
	Imports []string  `json:"imports"`
}

// Freeze freezes an account or imports; freezing the same twice makes one freeze.
func (c *Client) Freeze(ctx context.Context, f NewFreeze) (Freeze, error) {
	var out Freeze
	return out, c.do(ctx, http.MethodPost, "/v1/freezes", nil, f, &out)
}

// Freezes lists what is frozen.
func (c *Client) Freezes(ctx context.Context) (List[Freeze], error) {
	var out List[Freeze]
	return out, c.do(ctx, http.MethodGet, "/v1/freezes", nil, nil, &out)
}

// Unfreeze removes a freeze.
func (c *Client) Unfreeze(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/v1/freezes/"+url.PathEscape(name), nil, nil, nil)
}

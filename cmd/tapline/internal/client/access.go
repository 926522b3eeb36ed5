package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"tapline.dev/schemas"
)

// Key is a key to the API; Secret is set only in the answer that creates the key.
type Key struct {
	Name       string            `json:"name"`
	Role       string            `json:"role"`
	RoleName   string            `json:"roleName,omitempty"` // if the deployment has renamed the role
	Selector   *schemas.Selector `json:"selector,omitempty"`
	CreatedBy  string            `json:"createdBy"`
	CreatedAt  time.Time         `json:"createdAt"`
	ExpiresAt  time.Time         `json:"expiresAt,omitzero"`
	Expired    bool              `json:"expired"`
	LastUsedAt time.Time         `json:"lastUsedAt,omitzero"`
	Secret     string            `json:"key,omitempty"`
}

// NewKey says what key is wanted.
type NewKey struct {
	Name      string            `json:"name"`
	Role      string            `json:"role"`
	Selector  *schemas.Selector `json:"selector,omitempty"`
	ExpiresAt *time.Time        `json:"expiresAt,omitempty"`
}

// CreateKey makes a key.
func (c *Client) CreateKey(ctx context.Context, k NewKey) (Key, error) {
	var out Key
	return out, c.do(ctx, http.MethodPost, "/v1/keys", nil, k, &out)
}

// Keys lists keys.
func (c *Client) Keys(ctx context.Context) (List[Key], error) {
	var out List[Key]
	return out, c.do(ctx, http.MethodGet, "/v1/keys", nil, nil, &out)
}

// RevokeKey ends a key.
func (c *Client) RevokeKey(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/v1/keys/"+url.PathEscape(name), nil, nil, nil)
}

// Caller is the client as the server has authenticated it.
type Caller struct {
	Name      string            `json:"name"`
	Role      string            `json:"role"`
	RoleName  string            `json:"roleName,omitempty"` // if the deployment has renamed the role
	RoleNames map[string]string `json:"roleNames,omitempty"`
	By        string            `json:"by"`
	Selector  *schemas.Selector `json:"selector,omitempty"`
	ExpiresAt time.Time         `json:"expiresAt,omitzero"`
}

// Caller asks the server who the client is.
func (c *Client) Caller(ctx context.Context) (Caller, error) {
	var out Caller
	return out, c.do(ctx, http.MethodGet, "/v1/caller", nil, nil, &out)
}

// AuditQuery selects audit entries.
type AuditQuery struct{ Since, Until, Actor, Action, Name string }

// Audit calls fn with every entry that the query selects, oldest first.
func (c *Client) Audit(ctx context.Context, q AuditQuery, fn func(schemas.AuditEntry) error) error {
	res, err := c.send(ctx, http.MethodGet, "/v1/audit?"+query(map[string]string{
		"since": q.Since, "until": q.Until, "actor": q.Actor, "action": q.Action, "name": q.Name,
	}), http.Header{"Accept": {"application/x-ndjson"}}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	return eachLine(res.Body, fn)
}

// SignIn says how to sign in at a server.
type SignIn struct {
	Keys bool  `json:"keys"`
	OIDC *OIDC `json:"oidc"`
}

// OIDC is the OpenID provider of a server.
type OIDC struct {
	Issuer   string   `json:"issuer"`
	ClientID string   `json:"clientId"`
	Scopes   []string `json:"scopes"`
}

// SignIn asks the server how to sign in.
func (c *Client) SignIn(ctx context.Context) (SignIn, error) {
	var out SignIn
	return out, c.do(ctx, http.MethodGet, "/v1/sign-in", nil, nil, &out)
}

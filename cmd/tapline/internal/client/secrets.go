package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// PutSecret stores a secret for a use, snowflake or clevertap, and returns the
// reference for definitions.
func (c *Client) PutSecret(ctx context.Context, use, name, value string) (string, error) {
	var out struct {
		Reference string `json:"reference"`
	}
	err := c.do(ctx, http.MethodPut, "/v1/secrets/"+url.PathEscape(use)+"/"+url.PathEscape(name), nil, map[string]string{"value": value}, &out)
	return out.Reference, err
}

// Secret is a stored secret, without its value.
type Secret struct {
	Use       string    `json:"use"`
	Name      string    `json:"name"`
	Reference string    `json:"reference"`
	StoredAt  time.Time `json:"storedAt"`
	UsedBy    []string  `json:"usedBy"`
}

// Secrets lists what is stored.
func (c *Client) Secrets(ctx context.Context) (List[Secret], error) {
	var out List[Secret]
	return out, c.do(ctx, http.MethodGet, "/v1/secrets", nil, nil, &out)
}

// DeleteSecret deletes a secret that nothing refers to.
func (c *Client) DeleteSecret(ctx context.Context, use, name string) error {
	return c.do(ctx, http.MethodDelete, "/v1/secrets/"+url.PathEscape(use)+"/"+url.PathEscape(name), nil, nil, nil)
}

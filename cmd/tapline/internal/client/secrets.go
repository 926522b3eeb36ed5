package client

import (
	"context"
	"net/http"
	"net/url"
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

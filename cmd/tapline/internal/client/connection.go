package client

import (
	"context"
	"net/http"
	"net/url"

	"tapline.dev/schemas"
)

// ConnectionTest is what signing in with a connection has shown.
type ConnectionTest struct {
	Connection string `json:"connection"`
	schemas.ConnectionTest
	Checks []schemas.Check `json:"checks,omitempty"`
}

// TestConnection has the extractor sign in with a connection.
func (c *Client) TestConnection(ctx context.Context, name string) (ConnectionTest, error) {
	var out ConnectionTest
	return out, c.doWithin(ctx, previewTimeout, http.MethodPost, "/v1/connections/"+url.PathEscape(name)+"/test", nil, nil, &out)
}
